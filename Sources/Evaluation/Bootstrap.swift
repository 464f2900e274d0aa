import Domain
import Tensors

/// Where a mean lies with a probability of 95 %.
package struct Interval: Equatable, Sendable {
    package var low: Double
    package var high: Double

    package init(low: Double, high: Double) {
        self.low = low
        self.high = high
    }

    /// Whether zero, no difference, lies outside.
    package var excludesZero: Bool { low > 0 || high < 0 }
}

/// How much figures would differ with other users: means over users drawn again and again, with replacement.
///
/// Every method is asked about the same draws, so that differences between two of them are far more certain than each is
/// alone. Percentile intervals; the same seed gives the same ones at any number of threads.
///
/// Source: Efron 1979, "Bootstrap methods: another look at the jackknife".
package struct Bootstrap: Sendable {
    package let resamples: Int
    private let seed: UInt64
    private let users: Int

    /// - Parameters:
    ///   - users: all that figures are of, before any are left out.
    ///   - resamples: 0 for no intervals.
    package init(users: Int, resamples: Int, seed: UInt64) {
        self.users = users
        self.resamples = resamples
        self.seed = seed
    }

    /// Means of every draw: per table `[resamples, width]`.
    ///
    /// - Parameter tables: figures with, per row, the user they are of.
    package func means(of tables: [(metrics: RankingMetrics, users: [Int32])], pool: WorkerPool) -> [[[Double]]] {
        for table in tables { precondition(table.users.count == table.metrics.users, "every row is of a user") }
        var draws = [[[Double]]](repeating: [], count: resamples)
        draws.withUnsafeMutableBufferPointer { draws in
            // Safe: every piece writes its own place.
            nonisolated(unsafe) let draws = draws
            pool.forEach(resamples) { resample, _ in
                let times = timesDrawn(resample)
                draws[resample] = tables.map { table in table.metrics.weightedMeans { times[Int(table.users[$0])] } }
            }
        }
        return tables.indices.map { table in draws.map { $0[table] } }
    }

    /// The interval of some figure of every draw; nil without draws.
    package static func interval(_ values: [Double]) -> Interval? {
        guard !values.isEmpty else { return nil }
        let sorted = values.sorted(), last = Double(sorted.count - 1)
        return Interval(low: sorted[Int((0.025 * last).rounded())], high: sorted[Int((0.975 * last).rounded())])
    }

    private func timesDrawn(_ resample: Int) -> [Int] {
        var draw = SeededGenerator(seed: seed, stream: 0xb007, UInt64(resample))
        var times = [Int](repeating: 0, count: users)
        for _ in 0..<users { times[draw.below(users)] += 1 }
        return times
    }
}
