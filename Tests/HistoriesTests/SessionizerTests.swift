import Domain
import Histories
import Testing

@Suite struct SessionizerTests {
    @Test func aPauseExactlyAsLongAsTheGapGoesOnWithTheSession() {
        let whole = history([Event(at: 0, row: 1), Event(at: 1_800_000_000, row: 2)])
        #expect(whole.rowsBySession == [[1, 2]])
    }

    @Test func aPauseOneMicrosecondLongerThanTheGapBeginsANewSession() {
        let split = history([Event(at: 0, row: 1), Event(at: 1_800_000_001, row: 2)])
        #expect(split.rowsBySession == [[1], [2]])
        #expect(split.sessions.map(\.startsAt) == [0, 1800])
    }

    @Test func thePauseCountsFromTheLastEventAndNotFromTheFirst() {
        let steps = (0..<10).map { Event.second(Int64($0) * 1800, Int32($0)) }
        #expect(history(steps).sessions.count == 1)
    }

    @Test func eventsAtTheSameTimeAreOneSession() {
        let same = (0..<5).map { Event.second(7, Int32($0)) }
        #expect(history(same, gapSeconds: 0).rowsBySession == [[0, 1, 2, 3, 4]])
    }

    @Test func anotherSceneHasItsOwnSessionAndTheFirstGoesOnWithinTheGap() {
        let found = history([
            .second(0, 1, scene: 0), .second(60, 2, scene: 1), .second(1800, 3, scene: 0), .second(1801, 4, scene: 1),
        ])
        #expect(found.rowsBySession == [[1, 3], [2, 4]])
        #expect(found.sessions.map(\.scene) == [0, 1])
    }

    @Test func comingBackToASceneAfterTheGapBeginsANewSessionWhateverHappenedElsewhere() {
        let found = history([
            .second(0, 1, scene: 0), .second(1000, 2, scene: 1), .second(1801, 3, scene: 0), .second(2000, 4, scene: 1),
        ])
        #expect(found.rowsBySession == [[1], [2, 4], [3]])
    }

    @Test func interleavedIdsAreASessionEach() {
        let found = history([
            .second(0, 1, session: "a"), .second(1, 2, session: "b"), .second(2, 3, session: "a"),
            .second(3, 4, session: "b"),
        ])
        #expect(found.rowsBySession == [[1, 3], [2, 4]])
    }

    @Test func anIdIsOneSessionWhateverThePausesAndScenes() {
        let found = history([
            .second(0, 1, session: "a", scene: 2), .second(86_400, 2, session: "a", scene: 1),
            .second(864_000, 3, session: "a", scene: 0),
        ])
        #expect(found.rowsBySession == [[1, 2, 3]])
        #expect(found.sessions == [SessionHead(startsAt: 0, scene: 2, items: 3)])
    }

    @Test func anIdDoesNotReachIntoTheNextUser() {
        var sessionizer = Sessionizer(gapSeconds: 1800, tokenBudget: 512, itemsPerSession: 64)
        let first = sessionizer.history([.second(0, 1, session: "a"), .second(5, 2, session: "a")])
        let second = sessionizer.history([.second(9, 3, session: "a")])
        #expect(first.rowsBySession == [[1, 2]])
        #expect(second.rowsBySession == [[3]])
    }

    @Test func eventsWithoutAnIdAmongThoseWithOneFollowTheGap() {
        let found = history([
            .second(0, 1, session: "a"), .second(1, 2), .second(2, 3, session: "a"), .second(3, 4),
            .second(5000, 5), .second(5001, 6, session: "a"),
        ])
        #expect(found.rowsBySession == [[1, 3, 6], [2, 4], [5]])
    }

    @Test(arguments: [
        [Action.purchase, .impression, .click], [.impression, .purchase, .click], [.click, .cart, .purchase],
    ])
    func aRepeatedItemCountsOnceWithItsStrongestAction(_ actions: [Action]) {
        let found = history(actions.enumerated().map { .second(Int64($0), 7, $1) })
        #expect(found.rows == [7])
        #expect(found.actions == [Action.purchase.rawValue])
    }

    @Test func anItemInTwoSessionsKeepsTheActionOfEach() {
        let found = history([.second(0, 7, .purchase), .second(9000, 7, .click)])
        #expect(found.actions == [Action.purchase.rawValue, Action.click.rawValue])
    }

    @Test func anOverFullSessionKeepsTheStrongestActions() {
        let found = history(
            [
                .second(0, 1, .impression), .second(1, 2, .purchase), .second(2, 3, .click), .second(3, 4, .cart),
                .second(4, 5, .impression), .second(5, 6, .purchase),
            ], tokenBudget: 10, itemsPerSession: 3)
        #expect(found.rowsBySession == [[2, 4, 6]])
        #expect(found.actions == [Action.purchase.rawValue, Action.cart.rawValue, Action.purchase.rawValue])
    }

    @Test func ofEquallyStrongItemsAnOverFullSessionKeepsTheEarlier() {
        let clicks = (1...5).map { Event.second(Int64($0), Int32($0)) }
        #expect(history(clicks, tokenBudget: 10, itemsPerSession: 3).rows == [1, 2, 3])
        // Both carts took the place of a click; the purchase takes that of the later cart.
        let replaced = history(
            [
                .second(1, 1), .second(2, 2), .second(3, 3, .cart), .second(4, 4, .cart), .second(5, 5, .purchase),
            ], tokenBudget: 10, itemsPerSession: 2)
        #expect(replaced.rows == [3, 5])
    }

    @Test func anItemThatGaveWayComesBackWithAStrongerAction() {
        let found = history(
            [.second(1, 1), .second(2, 2), .second(3, 3, .cart), .second(4, 2, .purchase)], tokenBudget: 10,
            itemsPerSession: 2)
        #expect(found.rows == [3, 2])
        #expect(found.actions == [Action.cart.rawValue, Action.purchase.rawValue])
    }

    @Test func sessionsStartInTheSecondOfTheirFirstEventAlsoBefore1970() {
        let found = history([Event(at: -1_999_999, row: 1), Event(at: 3_600_999_999, row: 2)])
        #expect(found.sessions.map(\.startsAt) == [-2, 3600])
    }

    @Test func finishingLeavesNothingForTheNextUser() {
        var used = Sessionizer(gapSeconds: 600, tokenBudget: 40, itemsPerSession: 8)
        for seed in 0..<20 as Range<UInt64> {
            let stream = drawnStream(seed: seed, events: 120)
            var fresh = Sessionizer(gapSeconds: 600, tokenBudget: 40, itemsPerSession: 8)
            #expect(used.history(stream) == fresh.history(stream), "user \(seed)")
        }
        #expect(used.finish() == TokenHistory())
    }
}
