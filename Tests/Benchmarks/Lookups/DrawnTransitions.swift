import Domain

/// Clusters, and what follows each of them and each of the pairs that there are: all with as many successors.
struct DrawnTransitions: Sendable {
    static let successors = 20

    let clusters: Int
    private let pairsPerCluster: Int
    private let clusterNames: [String]

    /// - Parameter clusters: a thousand, and a hundred times as many pairs, are a large shop's.
    init(clusters: Int = 1000, pairsPerCluster: Int = 100) {
        self.clusters = clusters
        self.pairsPerCluster = pairsPerCluster
        // Longer than what fits into a word, as names are.
        clusterNames = (0..<clusters).map { "outdoor clothing, group \($0)" }
    }

    /// Pairs; they are numbered from 0.
    var count: Int { clusters * pairsPerCluster }

    private func pair(_ place: Int) -> (older: Int, latest: Int) {
        let older = place / pairsPerCluster
        return (older, (older + 1 + 7 * (place % pairsPerCluster)) % clusters)
    }

    func key(_ place: Int) -> Int64 {
        let (older, latest) = pair(place)
        return Int64(older + 1) << 32 | Int64(latest + 1)
    }

    func names(_ place: Int) -> [String] {
        let (older, latest) = pair(place)
        return [clusterNames[older], clusterNames[latest]]
    }

    /// One whose latest cluster is there alone.
    func unknownPair(_ place: Int) -> [String] {
        let (older, latest) = pair(place)
        // Steps between pairs are multiples of seven.
        return [clusterNames[older], clusterNames[(latest + 1) % clusters]]
    }

    var all: (clusters: [(name: String, items: Int)], transitions: [(key: Int64, next: [Candidate])]) {
        var keys: [(key: Int64, next: [Candidate])] = [(0, next(0))]
        for cluster in 0..<clusters { keys.append((Int64(cluster + 1), next(cluster + 1))) }
        for place in 0..<count { keys.append((key(place), next(clusters + 1 + place))) }
        return (clusterNames.map { ($0, 10) }, keys.sorted { $0.key < $1.key })
    }

    /// Zipf's law over the clusters, without repeats; probabilities fall.
    private func next(_ stream: Int) -> [Candidate] {
        var draw = SeededGenerator(seed: 11, stream: UInt64(stream))
        var seen: Set<UInt32> = [], rows: [UInt32] = []
        while rows.count < Self.successors {
            let row = UInt32(Double(clusters) * draw.uniform() * draw.uniform())
            if seen.insert(row).inserted { rows.append(row) }
        }
        var probability = Float(0.2 + 0.2 * draw.uniform())
        return rows.map { row in
            probability *= Float(0.75 + 0.2 * draw.uniform())
            return Candidate(row: row, score: probability, source: .transition)
        }
    }
}
