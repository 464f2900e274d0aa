import Domain
import Testing
import Transitions

@Suite struct TransitionChurnTests {
    /// The churn of one pass is that between tables that were built one by one.
    @Test(arguments: [0, 60], [0, 25])
    func earlierTablesAreThoseThatWouldHaveBeenBuiltThen(_ window: Int, _ halfLife: Int) throws {
        let drawn = DrawnUsers(seed: 8, users: 600, clusters: 10, days: 150)
        let settings = TransitionSettings(windowDays: window, halfLifeDays: halfLife, lags: [1, 7, 30])
        let (table, churn) = try drawn.tally(settings, clusters: 10).build()
        for (lag, found) in zip(settings.lags, churn.overlaps) {
            let then = DrawnUsers.asOf - Int64(lag) * DrawnUsers.day
            let old = try drawn.tally(settings, clusters: 10, asOf: then).build().table
            let expected = TransitionChurn.overlap(
                of: table, with: old.rows.map { ($0.key.rawValue, $0.successors.map(\.cluster)) })
            #expect(found.appeared == expected.appeared && found.vanished == expected.vanished)
            for support in SupportClass.allCases {
                #expect(found[support].keys == expected[support].keys)
                #expect(abs(found[support].value - expected[support].value) < 1e-9)
            }
            #expect(try #require(found.mean) < 1 && found.mean! > 0.1)
        }
        if window > 0 { #expect(churn.overlaps[2].vanished > 0) }
    }

    @Test func overlapIsTheSharedPartOfBothSetsByTheSupportOfTheKey() throws {
        var drawn = DrawnUsers(seed: 0, users: 0, clusters: 9, days: 1)
        for next in [1, 2, 3] as [Int32] { drawn.users.append(([0, next], [0, 0])) }
        drawn.users.append(([4, 5], [0, 0]))
        let table = try drawn.tally(TransitionSettings(), clusters: 9, asOf: 0).build().table
        let before: [(key: Int64, clusters: [Int32])] = [
            (0, [7]), (TransitionKey([0]).rawValue, [3, 1, 8, 7]), (TransitionKey([6]).rawValue, [1]),
        ]
        let overlap = TransitionChurn.overlap(of: table, with: before, top: 3)
        // {1, 2, 3} and {3, 1, 8}: two of four.
        #expect(overlap[.few].keys == 1 && overlap[.few].value == 0.5 && overlap[.rare].keys == 0)
        #expect(overlap.mean == 0.5 && overlap.weightedMean == 0.5)
        #expect(overlap.appeared == 1 && overlap.vanished == 1)
        #expect(TransitionChurn.overlap(of: table, with: [], top: 3).mean == nil)
    }

    @Test(arguments: [(1, "1-2"), (2, "1-2"), (3, "3-9"), (9, "3-9"), (10, "10-99"), (99, "10-99"), (100, "100+")])
    func supportFallsIntoFourClasses(_ support: Int, _ label: String) {
        #expect(SupportClass(support).label == label)
    }

    @Test func theRefreshIntervalIsWhereTheFittedDecayFallsBelow() throws {
        #expect(RefreshInterval([], keeping: 0.8) == .unknown)
        #expect(RefreshInterval([(1, 1), (7, 1)], keeping: 0.8) == .longerThan(days: 7))
        // exp(-d / 20) falls to 0.8 after 20 ln 1.25 days.
        let exact = RefreshInterval([(1, 0.951229424500714), (7, 0.704688089718714)], keeping: 0.8)
        guard case .days(let days) = exact else { return #expect(Bool(false), "no interval: \(exact)") }
        #expect(abs(days - 4.462871026284195) < 1e-9)
        guard case .days(let short) = RefreshInterval([(1, 0)], keeping: 0.8) else { return #expect(Bool(false)) }
        #expect(short > 0 && short < 0.1)
    }
}

@Suite struct TransitionHitRateTests {
    @Test func hitsAreCountedForHeldOutNovelStepsOnly() throws {
        var drawn = DrawnUsers(seed: 0, users: 0, clusters: 9, days: 1)
        // After 0 comes 1, after (2, 0) comes 3; everybody mostly goes to 5.
        for _ in 0..<60 { drawn.users.append(([0, 1], [0, 0])) }
        for _ in 0..<300 { drawn.users.append(([7, 5], [0, 0])) }
        for _ in 0..<50 { drawn.users.append(([2, 0, 3], [0, 0, 0])) }
        let table = try drawn.tally(TransitionSettings(), clusters: 9, asOf: 0).build().table
        var rate = TransitionHitRate(table, after: 0, top: 1)
        rate.add(clusters: [2, 0, 3], times: [-1, 0, 1])
        rate.add(clusters: [4, 0, 1], times: [-1, 0, 1])
        rate.add(clusters: [4, 5, 6], times: [-1, 0, 0])
        rate.add(clusters: [4, 0, 4, 0, 0], times: [-1, 0, 1, 2, 3])
        #expect(rate.occurrences == 2)
        #expect(rate.backOffHits == 2 && rate.latestHits == 1 && rate.everybodyHits == 0)
        #expect(rate.byBasis[.pair]?.hits == 1 && rate.byBasis[.latest]?.occurrences == 1)
        #expect(rate.backOff == 1 && rate.latest == 0.5)
    }
}

@Suite struct ClusterPopularityTests {
    @Test func itemsStandByTheirAgedWeightWithoutTheExcluded() throws {
        let day = DrawnUsers.day, settings = TransitionSettings(windowDays: 30, halfLifeDays: 10)
        var popular = try ClusterPopularity(clusterOfItem: [0, 0, 1, 0, -1], asOf: 0, settings: settings)
        popular.add(items: [0, 0, 1, 3, 4], times: [-10 * day, -10 * day, 0, -20 * day, 0])
        var other = try ClusterPopularity(clusterOfItem: [0, 0, 1, 0, -1], asOf: 0, settings: settings)
        other.add(items: [1, 0, 0], times: [-10 * day, -30 * day, 1])
        popular.add(other)
        let top = popular.top(2, clusters: 3)
        // Weights 1, 1.5 and 0.25.
        #expect(top[0].map(\.item) == [1, 0] && top[0].map(\.support) == [2, 2])
        #expect(top[0].map(\.share) == [1.5 / 2.75, 1 / 2.75])
        #expect(top[1].isEmpty && top[2].isEmpty)
        #expect(popular.top(9, clusters: 3, excluding: [1])[0].map(\.share) == [0.8, 0.2])
    }
}
