import Domain
import Foundation
import Histories
import Testing

/// What is forgotten early, to bound memory, must never show.
@Suite struct SessionizerBudgetTests {
    @Test(arguments: 0..<200 as Range<UInt64>)
    func forgettingEarlyGivesTheNewestSessionsOfAnUnboundedRunForSeed(_ seed: UInt64) {
        var draw = SeededGenerator(seed: seed, stream: 0xb0d6)
        let itemsPerSession = 2 + draw.below(6)
        let budget = itemsPerSession + 1 + draw.below(30)
        let stream = drawnStream(seed: seed, events: 20 + draw.below(300))
        let bounded = history(stream, gapSeconds: 600, tokenBudget: budget, itemsPerSession: itemsPerSession)
        let whole = history(stream, gapSeconds: 600, tokenBudget: 1_000_000, itemsPerSession: itemsPerSession)
        #expect(bounded == whole.newest(budget: budget))
    }

    @Test func anIdThatComesBackAfterItsSessionWasForgottenBeginsNoNewOne() {
        let others = (0..<20).map { Event.second(10 + Int64($0), Int32($0 + 1), session: "other \($0)") }
        let stream = [Event.second(0, 0, session: "old")] + others + [.second(100, 0, session: "old")]
        let found = history(stream, tokenBudget: 8, itemsPerSession: 4)
        #expect(found.sessions.map(\.startsAt) == [26, 27, 28, 29])
    }

    @Test func aSceneThatWasForgottenWithinTheGapBeginsNoNewSession() {
        let others = (1...20).map { Event.second(Int64($0), Int32($0), scene: Int32($0)) }
        let stream = [Event.second(0, 0, scene: 0)] + others + [.second(30, 0, scene: 0)]
        let found = history(stream, tokenBudget: 8, itemsPerSession: 4)
        #expect(found.sessions.map(\.scene) == [17, 18, 19, 20])
    }

    @Test func theNewestSessionStaysEvenWhenItFillsTheBudget() {
        let stream = [Event.second(0, 99)] + (0..<6).map { .second(10_000, $0) }
        #expect(history(stream, tokenBudget: 7, itemsPerSession: 6).rowsBySession == [[0, 1, 2, 3, 4, 5]])
        #expect(history(stream, tokenBudget: 9, itemsPerSession: 6).rowsBySession == [[99], [0, 1, 2, 3, 4, 5]])
    }

    @Test(arguments: [true, false])
    func aUserWithAHundredThousandSessionsHoldsFewOfThem(_ hasIDs: Bool) throws {
        var sessionizer = Sessionizer(gapSeconds: 1800, tokenBudget: 512, itemsPerSession: 64)
        var most = 0
        for event in 0..<100_000 {
            sessionizer.add(
                at: Int64(event) * 3_600_000_000, row: Int32(event % 50), action: .click,
                session: hasIDs ? "\(event)" : nil, scene: 0)
            if event % 97 == 0 { most = max(most, try held(sessionizer)) }
        }
        // 256 sessions of two tokens fit; the rest are emptied ones that wait to be cleared away together.
        #expect(most > 256 && most < 2048)
        #expect(sessionizer.finish().sessions.count == 256)
    }

    /// The items of most sessions of all that the budget leaves no room for, before what it has room for.
    @Test(arguments: 0..<100 as Range<UInt64>)
    func aFirstSessionStandsForWhatIsForgottenForSeed(_ seed: UInt64) {
        var draw = SeededGenerator(seed: seed, stream: 0x11fe), second: Int64 = 0
        let lifelong = 1 + draw.below(6), budget = lifelong + 6 + draw.below(20)
        let stream = (0..<10 + draw.below(200)).map { _ in
            second += Int64(draw.below(900))
            return Event.second(second, Int32(draw.below(25)))
        }
        var sessionizer = Sessionizer(
            gapSeconds: 600, tokenBudget: budget, itemsPerSession: 4, lifelongItems: lifelong)
        let found = sessionizer.history(stream)
        let whole = history(stream, gapSeconds: 600, tokenBudget: 1_000_000, itemsPerSession: 4)
        guard whole.tokens > budget else {
            #expect(found == whole)
            return
        }
        let rest = whole.newest(budget: budget - lifelong - 1), left = whole.sessions.count - rest.sessions.count
        var sessions: [Int32: Int] = [:]
        for row in whole.rowsBySession.prefix(left).joined() { sessions[row, default: 0] += 1 }
        let kept = sessions.sorted { $0.value != $1.value ? $0.value > $1.value : $0.key < $1.key }.map(\.key)
        #expect(found.rowsBySession == [kept.prefix(lifelong).sorted()] + rest.rowsBySession)
        #expect(found.sessions[0].startsAt == whole.sessions[0].startsAt && found.tokens <= budget)
        #expect(found.sessions.map(\.isLifelong) == found.sessions.indices.map { $0 == 0 })
        // Before the second began, what the first stands for was not all there.
        #expect(found.sessions(upTo: found.sessions[1].startsAt - 1) == 0)
        #expect(found.sessions(upTo: found.sessions[1].startsAt) >= 2)
        // The next user begins with nothing.
        sessionizer.add(at: 0, row: 7, action: .click, session: nil, scene: 0)
        #expect(sessionizer.finish().rowsBySession == [[7]])
    }

    @Test func whatIsAddedToAForgottenSessionIsRememberedToo() {
        var sessionizer = Sessionizer(gapSeconds: 600, tokenBudget: 12, itemsPerSession: 4, lifelongItems: 2)
        for second in 0..<40 {
            // One session goes on all the time, and what is in it is seen nowhere else.
            sessionizer.add(at: Int64(second) * 2_000_000, row: 5, action: .cart, session: "long", scene: 0)
            sessionizer.add(
                at: Int64(second) * 2_000_000 + 1, row: Int32(10 + second), action: .click, session: "\(second)",
                scene: 0)
        }
        let found = sessionizer.finish()
        #expect(found.rowsBySession[0].contains(5) && found.tokens <= 12)
        #expect(found.actions[found.rowsBySession[0].firstIndex(of: 5)!] == Action.cart.rawValue)
    }

    /// Ten times the events may take forty times as long, not a hundred: the clocks of shared machines are noisy.
    @Test func timeGrowsWithTheEventsAndNotWithTheirSquare() {
        func nanoseconds(_ events: Int) -> Double {
            let stream = drawnStream(seed: 5, events: events)
            return (0..<3).map { _ in
                // Of the processor: whatever else the machine is at does not count.
                let begin = nanosecondsOf(CLOCK_THREAD_CPUTIME_ID)
                _ = history(stream, gapSeconds: 600)
                return Double(nanosecondsOf(CLOCK_THREAD_CPUTIME_ID) - begin)
            }.min()!
        }
        _ = nanoseconds(5_000)
        let short = nanoseconds(20_000), long = nanoseconds(200_000)
        #expect(long < short * 40, "\(short) ns for 20,000 events, \(long) ns for 200,000")
    }

    /// Sessions that a sessionizer holds now: it offers no such figure, as nothing but this test asks for it.
    private func held(_ sessionizer: Sessionizer) throws -> Int {
        let sessions = try #require(Mirror(reflecting: sessionizer).descendant("sessions"))
        return Mirror(reflecting: sessions).children.count
    }
}

private func nanosecondsOf(_ clock: clockid_t) -> Int {
    var time = timespec()
    clock_gettime(clock, &time)
    return time.tv_sec * 1_000_000_000 + time.tv_nsec
}
