import Domain
import Foundation
import Testing
import Training

/// The items that a batch is contrasted with.
@Suite struct NegativeSamplerTests {
    private static let items = 50

    /// A catalogue whose first item everybody had, whose last nobody had.
    private let histories = (0..<200).map { user in
        let rows = [0, 1 + user % 10, 1 + user * user % 48].map { Int32($0) }
        return TokenHistory(
            sessions: [SessionHead(startsAt: 0, scene: 0, items: 3)], rows: rows, actions: [1, 1, 1])
    }

    private func drawn(_ sampler: NegativeSampler, batches: Int = 4000) -> [(rows: [Int32], corrections: [Float])] {
        var generator = SeededGenerator(seed: 4)
        return (0..<batches).map { _ in sampler.draw(&generator) }
    }

    @Test func popularItemsAreDrawnAsOftenAsTheyWereHadAndAllSometimes() {
        var counts = [Double](repeating: 0, count: Self.items), all = 0.0
        for batch in drawn(NegativeSampler(items: Self.items, count: 10, popularityOf: histories)) {
            for row in batch.rows { counts[Int(row)] += 1 }
            all += 10
        }
        var had = [Double](repeating: 1, count: Self.items)
        for history in histories { for row in history.rows { had[Int(row)] += 1 } }
        let total = had.reduce(0, +)
        for (count, wanted) in zip(counts, had) {
            #expect(abs(count / all - wanted / total) < 4 * (wanted / total / all).squareRoot() + 1e-9)
        }
        #expect(counts[Self.items - 1] > 0)
    }

    /// Whatever the logits are, the corrected sum over what was drawn is on average that over the catalogue.
    @Test(arguments: [false, true])
    func theCorrectedSumEstimatesTheOneOverTheCatalogue(_ byPopularity: Bool) {
        let sampler = NegativeSampler(items: Self.items, count: 10, popularityOf: byPopularity ? histories : nil)
        let logit: (Int32) -> Double = { sin(Double($0) * 1.7) }
        var sum = 0.0, batches = 0.0
        for batch in drawn(sampler) {
            #expect(batch.rows.count == 10 && batch.corrections.count == (byPopularity ? 10 : 0))
            for (place, row) in batch.rows.enumerated() {
                sum += exp(logit(row) - Double(byPopularity ? batch.corrections[place] : 0))
            }
            batches += 1
        }
        let whole = (0..<Int32(Self.items)).reduce(0.0) { $0 + exp(logit($1)) } * 10 / Double(Self.items)
        #expect(abs(sum / batches / whole - 1) < 0.03)
    }

    @Test(arguments: [50, 51, 1000])
    func aCatalogueThatIsNoLargerIsTakenWhole(_ count: Int) {
        var generator = SeededGenerator(seed: 1)
        let batch = NegativeSampler(items: Self.items, count: count, popularityOf: histories).draw(&generator)
        #expect(batch.rows == Array(0..<50) && batch.corrections.isEmpty)
    }
}
