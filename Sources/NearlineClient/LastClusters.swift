/// The last clusters of somebody by number, three at most; not an array, as every lookup makes one.
struct LastClusters {
    private var oldest = -1
    private var older = -1
    private var latest = -1

    mutating func append(_ cluster: Int) {
        guard cluster != latest else { return }
        (oldest, older, latest) = (older, latest, cluster)
    }

    /// What the longest key is.
    var longest: NextClusters.Basis {
        oldest >= 0 ? .triple : older >= 0 ? .pair : latest >= 0 ? .latest : .everybody
    }

    /// The key of so many of them; nil where there are fewer.
    ///
    /// Lanes of 16 bits, from the lowest: latest, scene, older, oldest; as `nearline.transition_key`.
    func key(_ basis: NextClusters.Basis) -> Int64? {
        switch basis {
        case .triple: oldest < 0 ? nil : Int64(oldest + 1) << 48 | Int64(older + 1) << 32 | Int64(latest + 1)
        case .pair: older < 0 ? nil : Int64(older + 1) << 32 | Int64(latest + 1)
        case .latest: latest < 0 ? nil : Int64(latest + 1)
        case .everybody: 0
        case .nothing: nil
        }
    }
}
