import Domain

/// Lists as hard to pack as real ones can be: items by Zipf's law without any taste that users share, strictly falling
/// scores of an exponential tail, sources in fixed shares.
struct DrawnLists: Sendable {
    let itemCount: Int
    let lists: [[Candidate]]

    init(count: Int, length: Int, itemCount: Int, seed: UInt64) {
        var draw = SeededGenerator(seed: seed, stream: 0x5e72)
        let items = ZipfLaw(itemCount)
        self.itemCount = itemCount
        lists = (0..<count).map { _ in
            let scores = Self.scores(length, using: &draw)
            var seen: Set<UInt32> = []
            return scores.map { score in
                var row = items.draw(using: &draw)
                while !seen.insert(row).inserted { row = items.draw(using: &draw) }
                return Candidate(row: row, score: score, source: Self.source(using: &draw))
            }
        }
    }

    /// The list of a user: the drawn ones serve many users, whose keys still differ.
    func list(of user: Int) -> [Candidate] { lists[user % lists.count] }

    /// Sparse keys, as a shop's sequence leaves them.
    static func key(_ user: Int) -> Int64 { 1_000_000_007 + Int64(user) * 2003 }

    /// The largest of many exponential draws: the i-th stands an exponential step over the next, 1/i wide on average.
    private static func scores(_ length: Int, using draw: inout SeededGenerator) -> [Float] {
        let scale = 0.1 + draw.uniform() * 0.3
        var score = 0.5, scores: [Float] = []
        for place in stride(from: length, to: 0, by: -1) {
            score += (1e-4 - log1m(draw.uniform()) / Double(place)) * scale
            scores.append(Float(score))
        }
        return scores.reversed()
    }

    private static func source(using draw: inout SeededGenerator) -> CandidateSource {
        switch draw.uniform() {
        case ..<0.6: .model
        case ..<0.85: .repeat
        case ..<0.95: .transition
        default: .popular
        }
    }
}
