import Domain

/// The clusters of a release as one build of transitions numbers them.
struct ClusterNames: Sendable {
    /// The build that they are of; nil in releases from before builds were recorded.
    let build: Int?
    /// By number.
    let names: [String]
    private let numbers: [ExternalKey: Int]

    init(build: Int?, names: [String]) {
        self.build = build
        self.names = names
        numbers = Dictionary(
            names.enumerated().map { (.text($1), $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// The keys to look up what comes next by, longest first and everybody's last.
    ///
    /// - Parameter clusters: latest last; a name that is not known is passed over, and so are repeats in a row.
    func transitionKeys(after clusters: [String]) -> [(basis: NextClusters.Basis, key: TransitionKey)] {
        var known: [Int] = []
        for name in clusters {
            if let number = numbers[.text(name)], number != known.last { known.append(number) }
        }
        let own = [(3, NextClusters.Basis.triple), (2, .pair), (1, .latest)].filter { $0.0 <= known.count }
        return own.map { ($0.1, TransitionKey(known.suffix($0.0))) } + [(.everybody, .everybody)]
    }
}

/// The names of clusters have not been read yet, or are of another build than the transitions that were.
struct ClustersMoved: Error {}
