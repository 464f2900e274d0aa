import Domain
import Testing

import Simulation

/// What a model is meant to find in a simulated shop, found by counting.
@Suite struct StructureTests {
    private static let shop = ShopSimulator(ShopSettings(endsAt: 1_767_225_600))
    private static let sessionsByUser = (0..<shop.settings.users).map { shop.sessions(ofUser: $0) }

    private struct Pair: Hashable {
        let first: String
        let second: String
    }

    /// The last two distinct categories of some sessions.
    private func lastPair(of sessions: some BidirectionalCollection<SimulatedSession>) -> Pair? {
        guard let second = sessions.last?.category, let first = sessions.last(where: { $0.category != second }) else {
            return nil
        }
        return Pair(first: first.category, second: second)
    }

    @Test func plantedTransitionsHappenAtTheirRate() {
        let planted = StructureTests.shop.plantedTransitions
        #expect(planted.count > 60)
        let next = Dictionary(
            uniqueKeysWithValues: planted.map { (Pair(first: $0.first, second: $0.second), $0) })
        var followed: [Pair: (hits: Int, chances: Int)] = [:]
        for sessions in StructureTests.sessionsByUser {
            for count in 2..<max(2, sessions.count) {
                guard let pair = lastPair(of: sessions[..<count]), let transition = next[pair] else { continue }
                followed[pair, default: (0, 0)].chances += 1
                if sessions[count].category == transition.next { followed[pair]!.hits += 1 }
            }
        }
        var hits = 0
        var chances = 0
        for (pair, counted) in followed {
            let expected = next[pair]!.probability * Double(counted.chances)
            // Four standard deviations: one false alarm in 16,000 pairs.
            let tolerance = 4 * (expected * (1 - next[pair]!.probability)).squareRoot()
            #expect(abs(Double(counted.hits) - expected) <= max(tolerance, 1), "\(pair)")
            hits += counted.hits
            chances += counted.chances
        }
        #expect(chances > 2000)
        #expect(abs(Double(hits) / Double(chances) - 0.6) < 0.03)
    }

    @Test func whatComesNextIsFoundFromTheLastCategoriesAndNotFromPopularityAlone() {
        // The last session of everybody who has three is held out; the others are counted.
        let users = StructureTests.sessionsByUser.filter { $0.count >= 3 }
        var clicks: [Int64: Int] = [:]
        var clicksIn: [String: [Int64: Int]] = [:]
        var nextAfter: [Pair: [String: Int]] = [:]
        for sessions in StructureTests.sessionsByUser {
            let known = sessions.count >= 3 ? sessions.dropLast() : sessions[...]
            for event in known.flatMap(\.events) where event.action == .click {
                clicks[event.item, default: 0] += 1
                clicksIn[event.category, default: [:]][event.item, default: 0] += 1
            }
            for count in 2..<max(2, known.count) {
                guard let pair = lastPair(of: known[..<count]) else { continue }
                nextAfter[pair, default: [:]][known[count].category, default: 0] += 1
            }
        }
        func top(_ counts: [Int64: Int]) -> Set<Int64> {
            Set(counts.sorted { ($0.value, $0.key) > ($1.value, $1.key) }.prefix(20).map(\.key))
        }
        let popular = top(clicks)
        let popularIn = clicksIn.mapValues(top)

        var popularHits = 0
        var nextHits = 0
        for sessions in users {
            let clicked = Set(sessions.last!.events.filter { $0.action == .click }.map(\.item))
            let pair = lastPair(of: sessions.dropLast())
            let likely = pair.flatMap { nextAfter[$0]?.max { ($0.value, $0.key) < ($1.value, $1.key) }?.key }
            let list = popularIn[likely ?? sessions.dropLast().last!.category]!
            popularHits += clicked.intersection(popular).count
            nextHits += clicked.intersection(list).count
        }
        #expect(users.count > 800)
        #expect(nextHits > 3 * popularHits, "\(nextHits) hits against \(popularHits)")
    }

    @Test func consumablesAreBoughtAgainAndOthersHardlyEver() {
        let consumables: Set = ["coffee", "tea", "chocolate", "soap", "candles", "pet food", "spices"]
        var bought = (consumable: 0, other: 0)
        var boughtAgain = (consumable: 0, other: 0)
        var gaps: [Int64: [Int64]] = [:]
        for sessions in StructureTests.sessionsByUser {
            var lastBought: [Int64: Int64] = [:]
            for event in sessions.flatMap(\.events) where event.action == .purchase {
                let isConsumable = consumables.contains(event.category)
                if isConsumable { bought.consumable += 1 } else { bought.other += 1 }
                if let earlier = lastBought[event.item] {
                    if isConsumable { boughtAgain.consumable += 1 } else { boughtAgain.other += 1 }
                    gaps[event.item, default: []].append((event.occurredAt - earlier) / 86_400)
                }
                lastBought[event.item] = event.occurredAt
            }
        }
        #expect(boughtAgain.consumable * 5 > bought.consumable)
        #expect(boughtAgain.other * 20 < bought.other)
        // Intervals belong to items: those of one item differ less than those of all.
        let often = gaps.values.filter { $0.count >= 5 }
        #expect(often.count > 20)
        #expect(Set(often.map { $0.sorted()[$0.count / 2] }).count > 8)
    }

    @Test func popularityDriftsOverTheWeeks() {
        func mostShown(in weeks: Range<Int64>) -> Set<Int64> {
            var counts: [Int64: Int] = [:]
            for event in StructureTests.sessionsByUser.joined().flatMap(\.events) where event.action == .impression {
                let week = (event.occurredAt - StructureTests.shop.settings.startsAt) / (7 * 86_400)
                if weeks.contains(week) { counts[event.item, default: 0] += 1 }
            }
            return Set(counts.sorted { ($0.value, $0.key) > ($1.value, $1.key) }.prefix(50).map(\.key))
        }
        let first = mostShown(in: 0..<1)
        #expect(first.intersection(mostShown(in: 1..<2)).count >= 25)
        #expect(first.intersection(mostShown(in: 7..<8)).count <= 20)
    }

    @Test func sessionsAreMostlyAboutTheirCategory() {
        for scene in ["home", "search", "mail"] {
            let shown = StructureTests.sessionsByUser.joined().filter { $0.scene == scene }
                .flatMap { session in
                    session.events.filter { $0.action == .impression }.map { $0.category == session.category }
                }
            #expect(shown.count > 10_000)
            #expect(shown.count { $0 } * 2 > shown.count)
        }
    }
}
