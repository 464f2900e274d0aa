#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// How well lists foresee the next session: figures of each user, full catalogue, cut off at each K.
///
/// HR: 1 for a hit. Recall: hits over items of the session. NDCG: binary gains, ideal over `min(K, items)`. MRR: one over
/// the rank of the first hit. HR, Recall and NDCG are the same numbers as `baselines.py` gives for the same lists.
package struct RankingMetrics: Sendable {
    package static let figures = ["HR", "Recall", "NDCG", "MRR"]
    package static let usualCutoffs = [10, 20, 100]

    /// The K, ascending.
    package let cutoffs: [Int]
    package private(set) var users = 0
    /// `[users, figures · cutoffs]`
    package private(set) var values: [Double] = []

    package init(cutoffs: [Int] = usualCutoffs) {
        precondition(!cutoffs.isEmpty && cutoffs.allSatisfy { $0 > 0 }, "a list is cut off somewhere")
        self.cutoffs = Set(cutoffs).sorted()
    }

    /// Figures of one user.
    package var width: Int { Self.figures.count * cutoffs.count }

    /// What each column of ``values`` is, such as "Recall@20".
    package var names: [String] { Self.figures.flatMap { figure in cutoffs.map { "\(figure)@\($0)" } } }

    /// - Parameters:
    ///   - list: item rows, best first.
    ///   - truth: distinct item rows of the next session; rows that no list can hold count against recall.
    package mutating func add(list: some Collection<Int32>, truth: some Collection<Int32>) {
        precondition(!truth.isEmpty, "a target has items")
        let wanted = Set(truth), own = users * width
        users += 1
        values.append(contentsOf: repeatElement(0, count: width))
        var hits = 0, gain = 0.0, ideal = 0.0, rank = 0, first = 0.0
        var next = list.makeIterator()
        for (place, cutoff) in cutoffs.enumerated() {
            while rank < cutoff {
                rank += 1
                let discount = 1 / log2(Double(rank + 1))
                if rank <= wanted.count { ideal += discount }
                if let row = next.next(), wanted.contains(row) {
                    hits += 1
                    gain += discount
                    if hits == 1 { first = 1 / Double(rank) }
                }
            }
            let figures = [hits > 0 ? 1 : 0, Double(hits) / Double(wanted.count), gain / ideal, first]
            for (figure, value) in figures.enumerated() { values[own + figure * cutoffs.count + place] = value }
        }
    }

    /// Mean of each figure, by name; zero without users.
    package var means: [(name: String, value: Double)] { means { _ in 1 } }

    /// The same, each user counted as often as it is said to.
    package func means(_ times: (_ user: Int) -> Int) -> [(name: String, value: Double)] {
        Array(zip(names, weightedMeans(times)))
    }

    /// Means in the order of ``names``.
    func weightedMeans(_ times: (_ user: Int) -> Int) -> [Double] {
        var sums = [Double](repeating: 0, count: width), total = 0
        values.withUnsafeBufferPointer { values in
            for user in 0..<users {
                let weight = times(user)
                guard weight > 0 else { continue }
                total += weight
                for figure in 0..<width { sums[figure] += Double(weight) * values[user * width + figure] }
            }
        }
        return sums.map { $0 / Double(max(1, total)) }
    }
}
