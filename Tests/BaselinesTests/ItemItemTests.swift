import Baselines
import Domain
import Foundation
import Testing

@Suite struct ItemItemTests {
    /// Straight from the formula, with dense matrices.
    private func scores(_ log: SessionLog, _ baskets: [Set<Int32>], _ asker: Asker, halfLife: Double) -> [Double] {
        let N = log.items
        let count = (0..<N).map { item in Double(baskets.filter { $0.contains(Int32(item)) }.count) }
        var scores = [Double](repeating: 0, count: N)
        for basket in asker.history.baskets {
            let weight = pow(0.5, Double(asker.now - basket.startsAt) / 86_400 / halfLife)
            for own in basket.items {
                for other in 0..<N where other != Int(own) {
                    let together = Double(baskets.filter { $0.contains(own) && $0.contains(Int32(other)) }.count)
                    scores[other] +=
                        weight * together / ((count[Int(own)].squareRoot() + 10) * (count[other].squareRoot() + 10))
                }
            }
        }
        return scores
    }

    @Test(arguments: 0..<12 as Range<UInt64>)
    func scoresAreThoseOfTheFormulaForSeed(_ seed: UInt64) {
        let log = drawnLog(seed: seed), popular = PopularItems(log)
        let users = log.histories.map { Set($0.rows) }
        let sessions = log.histories.flatMap { $0.baskets.map { Set($0.items) } }
        for (kind, baskets) in [(Basket.users, users), (.sessions, sessions)] {
            let method = ItemItem(log, kind, popular: popular, halfLife: 20, pool: pool)
            for asker in log.askers.prefix(5) {
                let twin = scores(log, baskets, asker, halfLife: 20)
                #expect(distance(method.scores(asker), twin) < 1e-4, "\(kind)")
            }
        }
    }

    @Test func whatOthersHadWithItComesFirstThenWhatIsPopular() {
        let log = log(
            items: 5,
            [history([(99, [0])]), history([(98, [0, 2]), (99, [1, 3])]), history([(97, [1, 3]), (99, [3])])])
        let popular = PopularItems(log)
        let bySession = ItemItem(log, .sessions, popular: popular, pool: pool)
        #expect(bySession.list(log.asker(0), wish: .novel, kept: 4) == [2, 3, 1, 4])
        // Within a user 0 was had with all three; of those the rarer is the more similar.
        let byUser = ItemItem(log, .users, popular: popular, pool: pool)
        #expect(byUser.list(log.asker(0), wish: .novel, kept: 4) == [2, 3, 1, 4])
        #expect(byUser.scores(log.asker(0))[3] > 1e-4 && bySession.scores(log.asker(0))[3] < 1e-4)
    }
}
