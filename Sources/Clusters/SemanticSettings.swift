#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// How fine the codes of a ``SemanticCodebook`` are, and which part of a code names a cluster.
package struct SemanticSettings: Codable, Equatable, Sendable {
    /// Centroids of the first level; every further level has half as many as the one before.
    package var firstSize: Int
    package var levels: Int
    /// How many levels of an item's code name its cluster.
    package var prefix: Int
    /// No cluster holds more than this share of the items; nil for ``largestShare``'s own.
    package var mostShare: Double?
    package var seed: UInt64 = 1
    /// Items that centroids are learned from; all are assigned.
    package var sampleCount = 100_000
    /// Rounds of k-means per level at most, from scratch and from the previous centroids.
    package var rounds = 50
    package var warmRounds = 5

    package init(firstSize: Int, levels: Int = 3, prefix: Int = 2) {
        self.firstSize = firstSize
        self.levels = levels
        self.prefix = prefix
    }

    /// The usual number of clusters is the square root of the catalogue, so that a cluster and the list of clusters are
    /// about as long; 16 at least and 1,024 at most, for which a key of two still has a table that is counted quickly.
    ///
    /// - Parameter previous: kept in its sizes while it makes from half to twice the usual number, because other sizes
    ///   are other clusters.
    package init(items: Int, levels: Int = 3, prefix: Int = 2, keeping previous: SemanticSettings? = nil) {
        let usual = min(1024, max(16, Double(max(0, items)).squareRoot()))
        self.init(firstSize: 2, levels: levels, prefix: prefix)
        func distance(_ firstSize: Int) -> Double {
            abs(log(Double(SemanticSettings(firstSize: firstSize, levels: levels, prefix: prefix).clusters) / usual))
        }
        firstSize = (2...1024).min { distance($0) < distance($1) } ?? 2
        guard let previous, previous.levels == levels, previous.prefix == prefix else { return }
        if (usual / 2...usual * 2).contains(Double(previous.clusters)) { firstSize = previous.firstSize }
    }

    /// Centroids of each level.
    package var sizes: [Int] {
        var sizes = [firstSize]
        while sizes.count < levels { sizes.append(max(2, (sizes[sizes.count - 1] + 1) / 2)) }
        return sizes
    }

    /// Prefixes that there can be; those that no item has get no cluster.
    package var clusters: Int { sizes.prefix(max(0, prefix)).reduce(1, *) }

    /// Two in a hundred, or four times an even cluster where there are few: a cluster says little about a user when it
    /// is larger, and a tighter cap tears apart what belongs together.
    package var largestShare: Double { mostShare ?? min(1, max(0.02, 4 / Double(clusters))) }

    package func check() throws(ClusterError) {
        try Self.check("first size", firstSize, in: 2...ItemClusters.limit)
        try Self.check("levels", levels, in: 1...8)
        try Self.check("prefix", prefix, in: 1...levels)
        try Self.check("sample count", sampleCount, in: 1...Int(Int32.max))
        try Self.check("rounds", rounds, in: 1...1000)
        try Self.check("warm rounds", warmRounds, in: 1...1000)
        let share = largestShare
        guard share > 0, share <= 1 else {
            throw .unusable(setting: "most share", value: "\(share)", allowed: "above 0 and at most 1")
        }
        let product = sizes.reduce(Double(1)) { $0 * Double($1) }
        guard product < 0x1p62 else {
            throw .unusable(setting: "product of the sizes", value: "\(product)", allowed: "below 2^62")
        }
        guard clusters <= ItemClusters.limit else {
            throw .tooManyClusters(asked: clusters, limit: ItemClusters.limit)
        }
    }

    private static func check(_ name: String, _ value: Int, in range: ClosedRange<Int>) throws(ClusterError) {
        guard range.contains(value) else {
            throw .unusable(
                setting: name, value: "\(value)", allowed: "from \(range.lowerBound) to \(range.upperBound)")
        }
    }
}
