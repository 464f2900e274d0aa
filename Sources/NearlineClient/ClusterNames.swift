/// The clusters of a release as one build of transitions numbers them.
struct ClusterNames: Sendable {
    /// The build that they are of; nil in releases from before builds were recorded.
    let build: Int?
    /// By number.
    let names: [String]
    private let numbers: [Name: Int]

    /// Equal by bytes: what Swift takes for equal may be two names to PostgreSQL.
    private struct Name: Hashable {
        let text: String

        static func == (a: Name, b: Name) -> Bool {
            let areEqual = a.text.utf8.withContiguousStorageIfAvailable { a in
                b.text.utf8.withContiguousStorageIfAvailable { b in a.elementsEqual(b) }
            }
            return (areEqual ?? nil) ?? a.text.utf8.elementsEqual(b.text.utf8)
        }

        func hash(into hasher: inout Hasher) {
            var text = text
            text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        }
    }

    init(build: Int?, names: [String]) {
        self.build = build
        self.names = names
        numbers = Dictionary(
            names.enumerated().map { (Name(text: $1), $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// What is known of somebody's last clusters, latest last: a name that is not known is passed over, and so are repeats
    /// in a row.
    func last(of clusters: [String]) -> LastClusters {
        var last = LastClusters()
        for name in clusters {
            if let number = numbers[Name(text: name)] { last.append(number) }
        }
        return last
    }
}

/// The names of clusters have not been read yet, or are of another build than the transitions that were.
struct ClustersMoved: Error {}
