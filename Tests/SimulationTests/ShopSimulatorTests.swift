import Domain
import Testing

import Simulation

@Suite struct ShopSimulatorTests {
    private static let endsAt: Int64 = 1_767_225_600
    private static let shop = ShopSimulator(ShopSettings(endsAt: endsAt))
    private static let sessionsByUser = (0..<shop.settings.users).map { shop.sessions(ofUser: $0) }

    private func small(seed: UInt64) -> ShopSimulator {
        ShopSimulator(ShopSettings(users: 20, items: 60, categories: 6, seed: seed, endsAt: ShopSimulatorTests.endsAt))
    }

    private func allEvents(of shop: ShopSimulator) -> [SimulatedEvent] {
        var events: [SimulatedEvent] = []
        shop.forEachEvent { events.append($0) }
        return events
    }

    @Test func oneUserMadeAloneEqualsTheStream() {
        let shop = small(seed: 3)
        let events = allEvents(of: shop)
        for row in [19, 0, 7] {
            let alone = shop.sessions(ofUser: row).flatMap(\.events)
            #expect(!alone.isEmpty)
            #expect(alone == events.filter { $0.user == alone[0].user })
        }
    }

    @Test func aUserIsTheSameInAShopWithMoreUsers() {
        var settings = small(seed: 3).settings
        settings.users = 500
        #expect(ShopSimulator(settings).sessions(ofUser: 7) == small(seed: 3).sessions(ofUser: 7))
        settings.seed = 4
        #expect(ShopSimulator(settings).sessions(ofUser: 7) != small(seed: 3).sessions(ofUser: 7))
    }

    @Test func everyEventLiesWithinTheTime() {
        for days in [1, 3, 7, 8, 60] {
            // An end in the middle of a day, so that days and weeks are cut.
            let end = ShopSimulatorTests.endsAt - 40_000
            let shop = ShopSimulator(ShopSettings(users: 200, days: days, endsAt: end))
            let times = allEvents(of: shop).map(\.occurredAt)
            #expect(times.min()! >= end - Int64(days) * 86_400)
            #expect(times.max()! < end)
        }
    }

    @Test func sessionsAreDistinctAndMoreThanHalfAnHourApart() {
        for sessions in ShopSimulatorTests.sessionsByUser {
            #expect((1...60).contains(sessions.count))
            #expect(Set(sessions.map(\.id)).count == sessions.count)
            for (earlier, later) in zip(sessions, sessions.dropFirst()) {
                #expect(later.events.first!.occurredAt - earlier.events.last!.occurredAt > 1800)
            }
            for session in sessions {
                #expect(zip(session.events, session.events.dropFirst()).allSatisfy { $0.occurredAt <= $1.occurredAt })
                #expect(session.events.last!.occurredAt - session.events.first!.occurredAt < 1800)
            }
        }
    }

    @Test func everyStepOfTheLadderFollowsTheOneBelow() {
        var counts = [Action: Int]()
        for session in ShopSimulatorTests.sessionsByUser.joined() {
            var steps: [Int64: [SimulatedEvent]] = [:]
            for event in session.events { steps[event.item, default: []].append(event) }
            for events in steps.values {
                #expect(events.map(\.action) == Array(Action.allCases.prefix(events.count)))
                #expect(zip(events, events.dropFirst()).allSatisfy { $0.occurredAt < $1.occurredAt })
            }
            #expect((8...20).contains(steps.count))
            for event in session.events { counts[event.action, default: 0] += 1 }
        }
        for (step, next) in zip(Action.allCases, Action.allCases.dropFirst()) {
            #expect(counts[next]! * 10 > counts[step]! && counts[next]! < counts[step]!)
        }
    }

    @Test func activityIsHeavyTailed() {
        let counts = ShopSimulatorTests.sessionsByUser.map(\.count).sorted(by: >)
        let top = counts.prefix(counts.count / 10).reduce(0, +)
        #expect(top * 10 > counts.reduce(0, +) * 4)
        #expect(counts.count { $0 <= 2 } > counts.count / 4)
        #expect(counts[0] > 40)
    }

    @Test func itemsAreDistinctAndComeWithTheirEvents() {
        let items = ShopSimulatorTests.shop.items
        #expect(items.count == 1500)
        #expect(Set(items.map(\.id)).count == 1500)
        #expect(Set(items.map(\.category)).count == 24)
        #expect((40...60).contains(Set(items.map(\.seller)).count))
        #expect((15...50).contains(items.count { !$0.available }))
        let categories = Dictionary(uniqueKeysWithValues: items.map { ($0.id, $0.category) })
        for event in ShopSimulatorTests.sessionsByUser.joined().flatMap(\.events) {
            #expect(categories[event.item] == event.category)
        }
    }

    @Test func settingsThatMakeNoShopAreNamed() throws {
        #expect(throws: SimulationError.badSetting(name: "categories", value: 3, allowed: 4...1000)) {
            try ShopSettings(categories: 3, endsAt: 0).check()
        }
        let error = #expect(throws: SimulationError.self) { try ShopSettings(items: 23, endsAt: 0).check() }
        #expect(error?.description == "a simulated shop cannot have 23 items; give 24 to 10000000")
        try ShopSettings(users: 1, items: 4, categories: 4, sellers: 1, days: 1, endsAt: 0).check()
    }

    @Test func theSmallestShopHasEvents() {
        let settings = ShopSettings(
            users: 1, items: 4, categories: 4, sellers: 1, days: 1, endsAt: ShopSimulatorTests.endsAt)
        #expect(!allEvents(of: ShopSimulator(settings)).isEmpty)
    }
}
