import Baselines
import Domain
import Foundation
import Testing

@Suite struct TifuKNNTests {
    private var settings: TifuKNN.Settings {
        var settings = TifuKNN.Settings()
        settings.neighbours = 4
        settings.groupSize = 3
        return settings
    }

    /// Baskets by their time, from the newest; dense vectors.
    private func vector(_ history: TokenHistory, items: Int) -> [Double] {
        let times = Array(Set(history.sessions.map(\.startsAt))).sorted(by: >)
        let groups = (times.count + 2) / 3
        var vector = [Double](repeating: 0, count: items)
        for (back, time) in times.enumerated() {
            let weight = pow(0.9, Double(back % 3)) * pow(0.7, Double(back / 3)) / 3 / Double(groups)
            for basket in history.baskets where basket.startsAt == time {
                for item in basket.items { vector[Int(item)] += weight }
            }
        }
        return vector
    }

    @Test(arguments: 0..<12 as Range<UInt64>)
    func scoresAreThoseOfTheDefinitionForSeed(_ seed: UInt64) {
        let log = drawnLog(seed: seed), method = TifuKNN(log, popular: PopularItems(log), settings: settings)
        let vectors = log.histories.map { vector($0, items: log.items) }
        for place in 0..<6 {
            let own = vectors[place]
            func square(_ other: [Double]) -> Double {
                zip(own, other).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
            }
            let others = vectors.indices.filter { $0 != place }.map { (square: square(vectors[$0]), place: $0) }
            let nearest = others.sorted { $0 < $1 }.prefix(4).map { vectors[$0.place] }
            let twin = (0..<log.items).map { item -> Double in
                let mean = nearest.map { $0[item] }.reduce(0, +) / 4
                return 0.7 * own[item] + 0.3 * mean
            }
            #expect(distance(method.scores(log.asker(place)), twin) < 1e-4)
        }
    }

    @Test func newBasketsAndNewGroupsWeighMore() {
        // Days 1 to 4 in groups of three: {4, 3, 2} and {1}.
        let log = log(items: 5, [history([(1, [0]), (2, [1]), (3, [2]), (4, [3])])])
        let scores = TifuKNN(log, popular: PopularItems(log), settings: settings).scores(log.asker(0))
        // 0.7 of 1/3 of 1/2, and nobody is alike.
        for (item, decay) in [(3, 1), (2, 0.9), (1, 0.81), (0, 0.7)] {
            #expect(abs(Double(scores[item]) - 0.7 * decay / 6) < 1e-6)
        }
        #expect(scores[4] < 1e-9)
    }

    @Test func theAskerIsNobodysNeighbourToItself() {
        let log = log(items: 3, [history([(1, [0])]), history([(1, [0, 1])])])
        var one = settings
        one.neighbours = 1
        let method = TifuKNN(log, popular: PopularItems(log), settings: one)
        #expect(method.list(log.asker(0), wish: .novel, kept: 1) == [1])
        #expect(method.scores(log.asker(0))[1] > 1e-3)
        // Somebody else with the same history has the first user for a neighbour, who knows nothing of item 1.
        let other = Asker(history: log.histories[0], now: 100 * day, place: nil)
        #expect(method.scores(other)[1] < 1e-9)
    }
}
