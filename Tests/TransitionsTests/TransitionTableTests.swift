import Domain
import Simulation
import Testing
import Transitions

@Suite struct TransitionTableTests {
    private static let whole = TransitionSettings(keyLength: 3, successors: 65_535)

    @Test(arguments: 0..<4 as Range<UInt64>)
    func probabilitiesOverAllClustersOutsideAKeySumToOneForSeed(_ seed: UInt64) throws {
        let drawn = DrawnUsers(seed: seed, users: 300, clusters: 12, days: 400)
        // Three clusters were never seen.
        let table = try drawn.tally(Self.whole, clusters: 15).build().table
        var keys: [[Int32]] = [[]], seen = 0
        for a in 0..<15 as Range<Int32> {
            keys.append([a])
            for b in 0..<15 as Range<Int32> where a != b {
                keys.append([a, b])
                for c in [1, 4, 14] as [Int32] where c != a && c != b { keys.append([a, b, c]) }
            }
        }
        for key in keys {
            let outside = (0..<15 as Range<Int32>).filter { !key.contains($0) }
            let sum = outside.reduce(0.0) { $0 + table.probability(of: $1, after: key[...]) }
            #expect(abs(sum - 1) < 1e-5, "after \(key)")
            #expect(outside.allSatisfy { table.probability(of: $0, after: key[...]) > 0 })
            if table.row(TransitionKey(key)) != nil { seen += 1 }
        }
        #expect(seen > 50 && seen < keys.count)
    }

    @Test func theFormulaIsThatOfTheComment() throws {
        var drawn = DrawnUsers(seed: 0, users: 0, clusters: 4, days: 1)
        let now = DrawnUsers.asOf
        drawn.users = [([0, 1], [now, now]), ([0, 1], [now, now]), ([0, 2], [now, now])]
        let table = try drawn.tally(TransitionSettings(), clusters: 4).build().table
        // Everybody: half an occurrence of each of 4 clusters and 2, 1 seen: (2.5, 1.5, 0.5, 0.5) / 5.
        let everybody = try #require(table.row(.everybody))
        #expect(everybody.successors.map(\.cluster) == [1, 2] && everybody.support == 3)
        #expect(everybody.successors.map(\.probability) == [0.5, 0.3])
        // After 0: weights 2 and 1, discounts 0.8 each, strength 20, the others' 0.1 of everybody renormalised.
        let after = try #require(table.row(TransitionKey([0])))
        let backOff = 21.6 / 23 / 0.9
        #expect(abs(after.backOff - backOff) < 1e-12)
        #expect(abs(Double(after.successors[0].probability) - (2 * 0.6 / 23 + backOff * 0.5)) < 1e-7)
        #expect(abs(Double(after.successors[1].probability) - (1 * 0.2 / 23 + backOff * 0.3)) < 1e-7)
        #expect(after.successors.map(\.support) == [2, 1])
    }

    @Test func anOccurrenceOfOneHalfLifeWeighsHalf() throws {
        var drawn = DrawnUsers(seed: 0, users: 0, clusters: 4, days: 1)
        let now = DrawnUsers.asOf, past = now - 10 * DrawnUsers.day
        drawn.users = [([0, 1], [past, past]), ([0, 2], [now, now])]
        let aged = try drawn.tally(TransitionSettings(halfLifeDays: 10), clusters: 3).build().table
        // (1 + 0.5, 0.5 + 0.5) / (1.5 + 1.5)
        #expect(try #require(aged.row(.everybody)).successors.map(\.probability) == [0.5, Float(1.0 / 3)])
        #expect(try #require(aged.row(.everybody)).successors.map(\.cluster) == [2, 1])
        #expect(try #require(aged.row(.everybody)).successors.map(\.support) == [1, 1])
    }

    @Test func aTrendIsTheShareOfThePeriodLessThatOfTheOneBefore() throws {
        var drawn = DrawnUsers(seed: 0, users: 0, clusters: 4, days: 1)
        let now = DrawnUsers.asOf, day = DrawnUsers.day
        func user(_ next: Int32, _ age: Int64) -> ([Int32], [Int64]) {
            ([0, next], [now - 99 * day, now - age * day])
        }
        drawn.users = [
            user(1, 0), user(1, 6), user(2, 6), user(1, 7), user(2, 13), user(2, 7), user(2, 13), user(1, 14),
        ]
        let table = try drawn.tally(TransitionSettings(trendDays: 7), clusters: 4).build().table
        let after = try #require(table.row(TransitionKey([0])))
        let trends = Dictionary(uniqueKeysWithValues: after.successors.map { ($0.cluster, $0.trend) })
        #expect(abs(trends[1]! - Float(2.0 / 3 - 1.0 / 4)) < 1e-6 && abs(trends[2]! - Float(1.0 / 3 - 3.0 / 4)) < 1e-6)
        let alone = try drawn.tally(TransitionSettings(windowDays: 7, trendDays: 7), clusters: 4).build().table
        #expect(alone.rows.allSatisfy { $0.successors.allSatisfy { $0.trend == 0 } })
    }

    @Test func rowsAreInTheOrderOfKeysAndKeepTheBest() throws {
        let drawn = DrawnUsers(seed: 3, users: 900, clusters: 20, days: 400)
        let all = try drawn.tally(TransitionSettings(successors: 65_535), clusters: 20).build().table
        let few = try drawn.tally(TransitionSettings(successors: 3), clusters: 20).build().table
        #expect(all.rows.map(\.key) == few.rows.map(\.key))
        #expect(zip(all.rows, all.rows.dropFirst()).allSatisfy { $0.key.rawValue < $1.key.rawValue })
        for (a, b) in zip(all.rows, few.rows) {
            // Shorter keys keep more, for the lookups of longer ones to fill up from.
            #expect(b.successors.count == min(a.successors.count, [18, 8, 3][a.key.length]))
            #expect(
                Array(a.successors.prefix(b.successors.count)) == b.successors && a.support == b.support
                    && a.backOff == b.backOff)
            #expect(a.successors.reduce(0) { $0 + $1.support } == a.support)
        }
    }

    @Test func aSceneIsPartOfEveryKey() throws {
        let drawn = DrawnUsers(seed: 3, users: 100, clusters: 20, days: 400)
        let table = try drawn.tally(TransitionSettings(), clusters: 20).build(scene: 4).table
        #expect(table.rows.allSatisfy { $0.key.scene == 4 })
        #expect(table.next(after: [2], count: 5).basis == .latest)
    }

    /// The table counts novel steps only: a session that stays, or goes back, tries the plan and is no step. Hence the
    /// planted rate is that of the step's count to the sessions that tried.
    @Test func plantedTransitionsComeBackFirstWithTheirProbability() throws {
        let shop = ShopSimulator(ShopSettings(users: 12_000, categories: 8, seed: 11, endsAt: 1_767_225_600))
        let names = Set(shop.items.map(\.category)).sorted()
        let rows = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, Int32($0)) })
        let settings = TransitionSettings(halfLifeDays: 0)
        var tries: [TransitionKey: Int] = [:]
        let tally = try TransitionTally(clusters: names.count, asOf: DrawnUsers.asOf, settings: settings)
        for user in 0..<shop.settings.users {
            let sessions = shop.sessions(ofUser: user)
            var key: [Int32] = []
            for session in sessions {
                if key.count == 2 { tries[TransitionKey(key), default: 0] += 1 }
                if key.last != rows[session.category]! { key = key.suffix(1) + [rows[session.category]!] }
            }
            try tally.add(
                clusters: sessions.map { rows[$0.category]! },
                times: sessions.map { $0.events[0].occurredAt * 1_000_000 })
        }
        let table = try TransitionTally.finish([tally], workers: 1).build().table
        for planted in shop.plantedTransitions {
            let key = TransitionKey([rows[planted.first]!, rows[planted.second]!])
            let best = try #require(table.row(key)?.successors.first)
            #expect(best.cluster == rows[planted.next]!)
            let n = Double(try #require(tries[key]))
            let deviation = (n * planted.probability * (1 - planted.probability)).squareRoot()
            #expect(abs(Double(best.support) - n * planted.probability) < 4 * deviation)
        }
    }
}
