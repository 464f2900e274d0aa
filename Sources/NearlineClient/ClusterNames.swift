import Domain

/// The clusters of a release as one build of transitions numbers them.
struct ClusterNames: Sendable {
    /// The build that they are of; nil in releases from before builds were recorded.
    let build: Int?
    /// By number.
    let names: [String]
    /// By bytes: what Swift takes for equal may be two names to PostgreSQL.
    private let numbers: [ExternalID: Int]

    init(build: Int?, names: [String]) {
        self.build = build
        self.names = names
        numbers = Dictionary(
            names.enumerated().map { (.text($1), $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// What is known of somebody's last clusters, latest last: a name that is not known is passed over, and so are repeats
    /// in a row.
    func last(of clusters: [String]) -> LastClusters {
        var last = LastClusters()
        for name in clusters {
            if let number = numbers[.text(name)] { last.append(number) }
        }
        return last
    }
}

/// The names of clusters have not been read yet, or are of another build than the transitions that were.
struct ClustersMoved: Error {}
