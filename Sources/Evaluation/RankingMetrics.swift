#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// How well lists foresee the next session: means over users, full catalogue, cut off at K.
///
/// HR: share of users with a hit. Recall: hits over items of the session. NDCG: binary gains, ideal over
/// `min(K, items)`. The same numbers as `baselines.py` on the same lists.
package struct RankingMetrics: Sendable {
    package private(set) var users = 0
    private var sums: [String: Double] = [:]
    package static let cutoffs = [10, 20, 100]

    package init() {}

    /// - Parameters:
    ///   - list: item rows, best first.
    ///   - truth: distinct item rows of the next session; rows that no list can hold count against recall.
    package mutating func add(list: some Collection<Int32>, truth: [Int32]) {
        precondition(!truth.isEmpty, "a target has items")
        users += 1
        let wanted = Set(truth)
        var hits = 0, gain = 0.0, ideal = 0.0, rank = 0
        var next = list.makeIterator()
        for cutoff in RankingMetrics.cutoffs {
            while rank < cutoff {
                rank += 1
                let discount = 1 / log2(Double(rank + 1))
                if rank <= wanted.count { ideal += discount }
                if let row = next.next(), wanted.contains(row) {
                    hits += 1
                    gain += discount
                }
            }
            sums["HR@\(cutoff)", default: 0] += hits > 0 ? 1 : 0
            sums["Recall@\(cutoff)", default: 0] += Double(hits) / Double(wanted.count)
            sums["NDCG@\(cutoff)", default: 0] += gain / ideal
        }
    }

    /// Mean of each figure, by name.
    package var means: [(name: String, value: Double)] {
        ["HR", "Recall", "NDCG"].flatMap { figure in
            RankingMetrics.cutoffs.map { ("\(figure)@\($0)", (sums["\(figure)@\($0)"] ?? 0) / Double(max(1, users))) }
        }
    }
}
