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
