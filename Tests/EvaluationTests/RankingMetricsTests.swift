import Domain
import Evaluation
import Foundation
import Testing

@Suite struct RankingMetricsTests {
    private func means(_ cases: [(list: [Int32], truth: [Int32])]) -> [String: Double] {
        var metrics = RankingMetrics()
        for (list, truth) in cases { metrics.add(list: list, truth: truth) }
        return Dictionary(uniqueKeysWithValues: metrics.means.map { ($0.name, $0.value) })
    }

    @Test func oneHitAtRankTwoOfTwoWanted() {
        let found = means([([5, 7, 6], [7, 9])])
        #expect(found["HR@10"] == 1 && found["Recall@10"] == 0.5)
        // 1/log2(3) over 1 + 1/log2(3).
        #expect(abs(found["NDCG@10"]! - 0.386852807) < 1e-9)
        #expect(found["NDCG@100"] == found["NDCG@10"])
    }

    @Test func aPerfectListOfOneScoresOneEverywhere() {
        #expect(means([([3], [3])]).values.allSatisfy { $0 == 1 })
    }

    @Test func aListWithoutAHitScoresZeroEverywhere() {
        #expect(means([([1, 2], [3]), ([], [3])]).values.allSatisfy { $0 == 0 })
    }

    @Test func ranksTenAndElevenStandOnEitherSideOfTheCutoff() {
        let list = Array(1...12 as ClosedRange<Int32>)
        #expect(means([(list, [10])])["HR@10"] == 1)
        let eleventh = means([(list, [11])])
        #expect(eleventh["HR@10"] == 0 && eleventh["HR@20"] == 1)
        #expect(abs(eleventh["NDCG@20"]! - 1 / log2(12)) < 1e-12)
    }

    @Test func itemsThatNoListCanHoldCountAgainstRecall() {
        let found = means([([1, 2], [1, 900_000])])
        #expect(found["Recall@10"] == 0.5 && found["HR@10"] == 1)
    }

    @Test func theIdealHasNoMorePlacesThanTheCutoff() {
        let list = Array(0..<10 as Range<Int32>)
        let found = means([(list, Array(0..<50 as Range<Int32>))])
        #expect(found["NDCG@10"] == 1)
        #expect(found["Recall@10"] == 0.2)
        #expect(found["NDCG@20"]! < 1)
    }

    @Test func reciprocalRankIsThatOfTheFirstHitWithinTheCutoff() {
        let list = Array(1...30 as ClosedRange<Int32>)
        let found = means([(list, [12, 25])])
        #expect(found["MRR@10"] == 0 && found["MRR@20"] == 1.0 / 12 && found["MRR@100"] == 1.0 / 12)
    }

    @Test func cutoffsAreAnyAndInOrder() {
        var metrics = RankingMetrics(cutoffs: [3, 1, 3])
        metrics.add(list: [4, 5, 6] as [Int32], truth: [6] as [Int32])
        #expect(metrics.names == ["HR@1", "HR@3", "Recall@1", "Recall@3", "NDCG@1", "NDCG@3", "MRR@1", "MRR@3"])
        #expect(metrics.means.map(\.value) == [0, 1, 0, 1, 0, 0.5, 0, 1.0 / 3])
    }

    @Test func aTargetThatNamesAnItemTwiceCountsItOnce() {
        #expect(means([([1], [1, 1])])["Recall@10"] == 1)
    }

    @Test func figuresAreMeansOverUsersAndZeroWithoutAny() {
        let found = means([([1], [1]), ([1], [2]), ([2, 1], [1]), ([9], [1])])
        #expect(found["HR@10"] == 0.5)
        let none = means([])
        #expect(none.count == 12 && none.values.allSatisfy { $0 == 0 })
    }

    /// By the definitions, with sets and logarithms, list by list.
    @Test(arguments: 0..<30 as Range<UInt64>)
    func figuresAgreeWithTheirDefinitionsForSeed(_ seed: UInt64) {
        var draw = SeededGenerator(seed: seed, stream: 0xe7a1)
        let cases = (0..<40).map { _ in
            let list = (0..<150 as Range<Int32>).shuffled(using: &draw).prefix(draw.below(140))
            let truth = (0..<200 as Range<Int32>).shuffled(using: &draw).prefix(1 + draw.below(25))
            return (list: Array(list), truth: Array(truth))
        }
        var expected: [String: Double] = [:]
        for (list, truth) in cases {
            for cutoff in [10, 20, 100] {
                let hits = list.prefix(cutoff).enumerated().filter { truth.contains($0.element) }
                let gain = hits.reduce(0.0) { $0 + 1 / log2(Double($1.offset + 2)) }
                expected["MRR@\(cutoff)", default: 0] += hits.first.map { 1 / Double($0.offset + 1) } ?? 0
                let ideal = (0..<min(cutoff, truth.count)).reduce(0.0) { $0 + 1 / log2(Double($1 + 2)) }
                expected["HR@\(cutoff)", default: 0] += hits.isEmpty ? 0 : 1
                expected["Recall@\(cutoff)", default: 0] += Double(hits.count) / Double(truth.count)
                expected["NDCG@\(cutoff)", default: 0] += gain / ideal
            }
        }
        let found = means(cases)
        #expect(Set(found.keys) == Set(expected.keys))
        for (name, sum) in expected { #expect(abs(found[name]! - sum / 40) < 1e-9, "\(name)") }
    }
}
