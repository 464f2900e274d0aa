import Domain

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// What everybody likes of late: each item's events, halving in weight every two weeks. The list of those without one.
struct RecentPopularity {
    private var weight: [Double]
    private let asOf: Int64
    private static let halfLifeDays = 14.0

    init(items: Int, asOf: Int64) {
        weight = Array(repeating: 0, count: items)
        self.asOf = asOf
    }

    mutating func add(_ history: TokenHistory) {
        var begin = 0
        for head in history.sessions {
            let age = Double(max(0, asOf - head.startsAt)) / 86_400
            let share = exp2(-age / RecentPopularity.halfLifeDays)
            for i in begin..<begin + Int(head.items) where history.actions[i] > Action.impression.rawValue {
                weight[Int(history.rows[i])] += share
            }
            begin += Int(head.items)
        }
    }

    /// Best first, scores as shares of the most popular; ties by row.
    func list(_ count: Int, excluded: Set<Int32>) -> [Candidate] {
        let rows = weight.indices.filter { !excluded.contains(Int32($0)) }
            .sorted { weight[$0] != weight[$1] ? weight[$0] > weight[$1] : $0 < $1 }.prefix(count)
        let highest = max(rows.first.map { weight[$0] } ?? 1, .leastNormalMagnitude)
        return rows.map { Candidate(row: UInt32($0), score: Float(weight[$0] / highest), source: .popular) }
    }
}
