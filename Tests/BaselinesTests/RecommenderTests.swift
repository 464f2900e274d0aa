import Baselines
import Domain
import Tensors
import Testing

/// What all methods have in common: lists are the highest scores.
@Suite struct RecommenderTests {
    private struct Fixed: Recommender {
        let name = "fixed"
        let given: [Float]
        var items: Int { given.count }
        func score(_ asker: Asker, wish: Wish, into scores: Floats) {
            for (row, score) in given.enumerated() { scores[row] = score }
        }
    }

    private let nobody = Asker(history: TokenHistory(), now: 0, place: nil)

    @Test(arguments: 0..<40 as Range<UInt64>)
    func listsAreTheHighestScoresInOrderWithTiesByRowForSeed(_ seed: UInt64) {
        var draw = SeededGenerator(seed: seed)
        // Few values, so that many are equal.
        let given = (0..<1 + draw.below(90)).map { _ in
            draw.below(9) == 0 ? -Float.infinity : Float(draw.below(12)) - 4
        }
        let wanted = given.indices.filter { given[$0] > -.infinity }
            .sorted { (-given[$0], $0) < (-given[$1], $1) }.map { Int32($0) }
        for kept in [0, 1, 7, 100] {
            #expect(Fixed(given: given).list(nobody, kept: kept) == Array(wanted.prefix(kept)))
        }
    }

    @Test func novelListsHoldNothingOfTheHistoryAndStayAsLong() {
        let asker = Asker(history: history([(1, [0, 3]), (2, [3])]), now: 0, place: nil)
        let fixed = Fixed(given: [9, 1, 2, 8, 3])
        #expect(fixed.list(asker, kept: 3) == [0, 3, 4])
        #expect(fixed.list(asker, wish: .novel, kept: 3) == [4, 2, 1])
    }

    @Test func everyMethodGivesTheSameListsAtAnyNumberOfThreads() {
        let log = drawnLog(seed: 3, users: 80, items: 150)
        func lists(_ workers: Int) -> [[Int32]] {
            let pool = WorkerPool(workers: workers), popular = PopularItems(log)
            let methods: [any Recommender] = [
                popular, OwnFrequency(popular), ItemItem(log, .users, popular: popular, pool: pool),
                ItemItem(log, .sessions, popular: popular, pool: pool), Ease(log, pool: pool),
                TifuKNN(log, popular: popular),
            ]
            #expect(Set(methods.map(\.name)).count == methods.count)
            var all: [[Int32]] = []
            for method in methods {
                for wish in Wish.allCases { all += method.lists(log.askers, wish: wish, kept: 20, pool: pool) }
            }
            return all
        }
        let one = lists(1)
        #expect(one == lists(3) && one == lists(1))
    }
}
