import Domain
import Glibc

/// Lists as in the measurements that fixed the format: items by Zipf's law without repeats, rows in the order of
/// popularity; scores the top of an exponential tail of each user's own scale; sources with fixed shares. Independent
/// draws, which is the worst case for any compression.
struct DrawnLists {
    static let length = 100

    let users: Int
    let items: Int

    init(users: Int, items: Int = 1_000_000) {
        self.users = users
        self.items = items
    }

    /// Sparse, as keys of grown tables are.
    func key(_ user: Int) -> Int64 { 1_000_000_007 + Int64(user) * 2003 }

    func item(_ row: Int) -> Int64 {
        var draw = SeededGenerator(seed: 7, stream: UInt64(row))
        return Int64(draw.below(1_000_000)) * 1_000_000 + Int64(row)
    }

    func list(_ user: Int) -> [Candidate] {
        var draw = SeededGenerator(seed: 1, stream: UInt64(user))
        var seen = Set<UInt32>(minimumCapacity: Self.length)
        var rows: [UInt32] = []
        while rows.count < Self.length {
            // Zipf with exponent 1: the logarithm of the rank is uniform.
            let row = UInt32(min(Double(items - 1), exp(draw.uniform() * log(Double(items))) - 1))
            if seen.insert(row).inserted { rows.append(row) }
        }
        let scale = 0.5 + draw.uniform()
        var scores = [Float](repeating: 0, count: Self.length)
        var score = 1 + draw.uniform()
        for rank in stride(from: Self.length, to: 0, by: -1) {
            scores[rank - 1] = Float(score)
            score += -log(1 - draw.uniform()) * scale / Double(rank)
        }
        return (0..<Self.length).map { Candidate(row: rows[$0], score: scores[$0], source: source(draw.uniform())) }
    }

    private func source(_ share: Double) -> CandidateSource {
        share < 0.60 ? .model : share < 0.85 ? .repeat : share < 0.95 ? .transition : .popular
    }
}
