import Baselines
import Domain
import Testing

@Suite struct PopularItemsTests {
    private let nobody = Asker(history: TokenHistory(), now: 0, place: nil)

    /// As of day 100: item 1 in one session of the last 14 days, item 2 in two just before them, item 0 in none.
    @Test func sessionsOfTheLastDaysCountAndOlderOnesBreakTies() {
        let log = log(
            items: 5,
            [
                history([(85, [2, 3]), (86, [2]), (87, [1])]), history([(90, [4]), (99, [4])]), history([(10, [3])]),
            ])
        // Day 86 is exactly 14 days ago: not of the last 14 days.
        #expect(PopularItems(log, days: 14).list(nobody, kept: 5) == [4, 1, 2, 3, 0])
        #expect(PopularItems(log, days: 14.5).list(nobody, kept: 5) == [4, 2, 1, 3, 0])
        #expect(PopularItems(log, days: nil).list(nobody, kept: 5) == [2, 3, 4, 1, 0])
    }

    @Test func withoutAnInstantDaysEndWithTheNewestSession() {
        var log = SessionLog(items: 3, asOf: nil)
        log.add(history([(1, [0]), (2, [0]), (50, [1])]))
        #expect(PopularItems(log, days: 14).list(nobody, kept: 3) == [1, 0, 2])
    }
}

@Suite struct OwnFrequencyTests {
    @Test func aSessionOfOneHalfLifeAgoCountsHalf() {
        // As of day 100 with a half-life of 10 days: item 0 weighs 1/2 + 1/2, item 1 weighs 1 + 1/1024.
        let log = log(
            items: 4, [history([(0, [1]), (90, [0]), (90, [0]), (100, [1])]), history([(100, [3]), (99, [3, 2])])])
        let scores = OwnFrequency(PopularItems(log), halfLife: 10).scores(log.asker(0))
        #expect(abs(scores[0] - 1) < 2e-3 && abs(scores[1] - 1 - 1.0 / 1024) < 2e-3)
        #expect(OwnFrequency(PopularItems(log), halfLife: 10).list(log.asker(0), kept: 4) == [1, 0, 3, 2])
    }

    @Test func askedForNovelItemsItIsWhatIsPopular() {
        let log = drawnLog(seed: 8)
        let popular = PopularItems(log)
        for asker in log.askers {
            #expect(
                OwnFrequency(popular).list(asker, wish: .novel, kept: 9) == popular.list(asker, wish: .novel, kept: 9))
        }
    }
}
