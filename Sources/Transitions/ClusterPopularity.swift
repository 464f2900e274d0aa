import Domain

/// A popular item of a cluster.
package struct PopularItem: Equatable, Sendable {
    package var item: Int32
    /// Its part of what the cluster's items weigh together, those that are left out not counted.
    package var share: Float
    /// Engaged events, each counted as one.
    package var support: Int
}

/// Counts the items of each cluster with the window and the ageing of the transitions, so that a lookup of clusters can
/// end in items. Memory holds two numbers per item.
package struct ClusterPopularity: Sendable {
    private let asOf: Int64
    private let ages: AgeClasses
    private let clusterOfItem: [Int32]
    private var weights: [UInt64]
    private var counts: [UInt32]

    /// - Parameters:
    ///   - clusterOfItem: `[items]`: negative for an item without one.
    ///   - asOf: microseconds since 1970; later events do not count.
    package init(clusterOfItem: [Int32], asOf: Int64, settings: TransitionSettings) throws(TransitionError) {
        try settings.check()
        var today = settings
        today.lags = []
        self.asOf = asOf
        ages = AgeClasses(today)
        self.clusterOfItem = clusterOfItem
        weights = Array(repeating: 0, count: clusterOfItem.count)
        counts = Array(repeating: 0, count: clusterOfItem.count)
    }

    /// Counts engaged events, of any user and in any order.
    ///
    /// - Parameter times: microseconds since 1970.
    package mutating func add(items: Span<Int32>, times: Span<Int64>) {
        precondition(items.count == times.count, "every event has an item and a time")
        for i in items.indices {
            let age = asOf - times[i]
            guard age >= 0 else { continue }
            let days = min(Int(age / 86_400_000_000), ages.classOfAge.count - 1)
            guard ages.classOfAge[days] != AgeClasses.none else { continue }
            weights[Int(items[i])] += ages.shares[Int(ages.classOfAge[days])].weights[0]
            counts[Int(items[i])] += 1
        }
    }

    package mutating func add(items: [Int32], times: [Int64]) { add(items: items.span, times: times.span) }

    /// Adds what another one counted, over the same items and up to the same instant.
    package mutating func add(_ other: ClusterPopularity) {
        precondition(
            other.clusterOfItem.count == clusterOfItem.count && other.asOf == asOf, "both count the same items")
        for item in weights.indices {
            weights[item] += other.weights[item]
            counts[item] += other.counts[item]
        }
    }

    /// `[clusters]`: the most popular items of each cluster that were seen, the most popular first, ties by number.
    ///
    /// - Parameter excluded: items that are left out.
    package func top(_ count: Int = 100, clusters: Int, excluding excluded: Set<Int32> = []) -> [[PopularItem]] {
        var items = [[Int32]](repeating: [], count: clusters)
        for (item, cluster) in clusterOfItem.enumerated() {
            guard cluster >= 0, weights[item] > 0, !excluded.contains(Int32(item)) else { continue }
            items[Int(cluster)].append(Int32(item))
        }
        return items.map { items in
            let total = Double(items.reduce(0) { $0 + weights[Int($1)] })
            let best = items.sorted { (weights[Int($1)], $0) < (weights[Int($0)], $1) }
            return best.prefix(count).map { item in
                PopularItem(
                    item: item, share: Float(Double(weights[Int(item)]) / total), support: Int(counts[Int(item)]))
            }
        }
    }
}
