import Domain
import Evaluation
import Tensors
import Testing

@Suite struct BootstrapTests {
    /// Lists of one item that hit for a share of the users.
    private func metrics(users: Int, hits: (Int) -> Bool) -> RankingMetrics {
        var metrics = RankingMetrics(cutoffs: [1])
        for user in 0..<users { metrics.add(list: [hits(user) ? 1 : 2] as [Int32], truth: [1] as [Int32]) }
        return metrics
    }

    private func interval(_ metrics: RankingMetrics, seed: UInt64 = 1, workers: Int = 1) -> Interval? {
        let means = Bootstrap(users: metrics.users, resamples: 1000, seed: seed)
            .means(of: [(metrics, (0..<Int32(metrics.users)).map { $0 })], pool: WorkerPool(workers: workers))
        return Bootstrap.interval(means[0].map { $0[0] })
    }

    @Test func intervalOfAShareIsThatOfTheNormalDistribution() throws {
        let found = try #require(interval(metrics(users: 400) { $0 % 4 == 0 }))
        // 1.96 √(0.25 · 0.75 / 400) = 0.0424
        #expect(abs(found.low - (0.25 - 0.0424)) < 0.008)
        #expect(abs(found.high - (0.25 + 0.0424)) < 0.008)
    }

    @Test func moreUsersMakeItNarrower() throws {
        let few = try #require(interval(metrics(users: 100) { $0 % 2 == 0 }))
        let many = try #require(interval(metrics(users: 1600) { $0 % 2 == 0 }))
        let ratio = (few.high - few.low) / (many.high - many.low)
        #expect(ratio > 3.2 && ratio < 4.8, "a quarter as wide for sixteen times the users, not \(ratio)")
    }

    @Test func theSeedDecidesAndThreadsDoNot() {
        let users = metrics(users: 300) { $0 % 3 == 0 }
        #expect(interval(users, workers: 1) == interval(users, workers: 4))
        #expect(interval(users, seed: 1) != interval(users, seed: 2))
    }

    @Test func withoutDrawsThereIsNoInterval() {
        let none = Bootstrap(users: 3, resamples: 0, seed: 1)
            .means(of: [(metrics(users: 3) { _ in true }, [0, 1, 2])], pool: WorkerPool(workers: 1))
        #expect(none == [[]] && Bootstrap.interval([]) == nil)
    }

    /// Both methods rise and fall with the users that are drawn; what is between them does not.
    @Test func differencesAreDrawnTogether() throws {
        let targets = (0..<200).map { _ in Target(items: [1], seen: [], userClass: .new, scene: 0) }
        func method(_ name: String, _ hits: (Int) -> Bool) -> ListedMethod {
            let lists = (0..<200).map { [hits($0) ? 1 : 2] as [Int32] }
            return ListedMethod(name: name, lists: lists, novelLists: lists)
        }
        // The first hits whenever the second does, and for ten users more.
        let found = Comparison(
            [method("a") { $0 < 110 }, method("b") { $0 < 100 }], targets: targets, cutoffs: [1], resamples: 1000,
            seed: 5, pool: WorkerPool(workers: 1))
        let difference = found.difference(0, over: 1, .whole, figure: 0)
        let interval = try #require(difference.interval), alone = try #require(found.interval(0, .whole, figure: 0))
        #expect(abs(difference.mean - 0.05) < 1e-12)
        #expect(interval.excludesZero && interval.low > 0.015 && interval.high < 0.09)
        #expect(interval.high - interval.low < (alone.high - alone.low) / 2)
        let same = found.difference(1, over: 1, .whole, figure: 0)
        #expect(same.mean == 0 && same.interval == Interval(low: 0, high: 0) && !same.interval!.excludesZero)
        #expect(found.best(from: 0, .whole, figure: 0) == 0 && found.best(from: 1, .whole, figure: 0) == 1)
    }
}
