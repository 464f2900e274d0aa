import Clusters
import Domain
import Testing

@Suite struct NightToNightTests {
    private let items = PlantedItems(3000, weights: (1...30).map { 1 / Double($0) }, spread: 0.5, seed: 5)
    private let settings = SemanticSettings(firstSize: 12)

    @Test func theSameVectorsAgainChangeNothing() throws {
        let first = try items.fit(settings)
        let second = try items.fit(settings, previous: first.asPrevious)
        #expect(second.report.start == .kept)
        #expect(second.report.change?.changed == 0 && second.report.change?.shared == 3000)
        #expect(second.codebook == first.codebook)
    }

    @Test func aLittleNoiseChangesFewAndAColdStartNearlyAll() throws {
        let first = try items.fit(settings)
        let second = try items.noisy(0.02, seed: 6).fit(settings, previous: first.asPrevious)
        #expect(second.report.start == .kept)
        let few = try #require(second.report.change).changedShare
        #expect(few > 0 && few < 0.05)
        var other = settings
        other.seed = 7
        let cold = try items.fit(other)
        #expect(ClusterChange(from: first.clusters.clusterOfItem, to: cold.clusters.clusterOfItem).changedShare > 0.8)
    }

    @Test func manyNightsOfNoiseAddUpToARefinement() throws {
        var night = try items.fit(settings)
        var drifting = items
        var starts: [SemanticReport.Start] = []
        for seed in UInt64(0)..<30 {
            drifting = drifting.noisy(0.1, seed: seed)
            night = try drifting.fit(settings, previous: night.asPrevious)
            starts.append(night.report.start)
        }
        #expect(starts[0] == .kept)
        #expect(starts.contains(.refined))
    }

    @Test func refinedCentroidsExplainMoreThanTheOldOnesAndKeepTheNumbers() throws {
        let first = try items.fit(settings)
        let moved = items.noisy(0.5, seed: 8)
        let second = try moved.fit(settings, previous: first.asPrevious)
        #expect(second.report.start == .refined)
        let explained = 1 - second.report.errors[2] / second.report.energy
        #expect(explained > second.report.explainedByPrevious!)
        var other = settings
        other.seed = 7
        let cold = try moved.fit(other)
        let coldChange = ClusterChange(from: first.clusters.clusterOfItem, to: cold.clusters.clusterOfItem)
        #expect(second.report.change!.changedShare < 0.7 * coldChange.changedShare)
    }

    @Test func otherAxesKeepTheClustersByTheirItems() throws {
        let first = try items.fit(settings)
        var other = settings
        other.seed = 7
        let second = try items.turned(seed: 9).fit(other, previous: first.asPrevious)
        #expect(second.report.start == .turned)
        #expect(second.report.change!.changedShare < 0.15)
        let alone = try items.turned(seed: 9).fit(
            other, previous: SemanticFit.Previous(codebook: first.codebook, clusterOfItem: nil))
        #expect(alone.report.start == .turned && alone.report.change == nil)
        #expect(ClusterChange(from: first.clusters.clusterOfItem, to: alone.clusters.clusterOfItem).changedShare > 0.8)
    }

    @Test func otherSizesKeepTheNumbersOfClustersWithTheSameItems() throws {
        let planted = PlantedItems(2000, weights: [Double](repeating: 1, count: 8), spread: 0.1, seed: 10)
        let first = try planted.fit(.uncapped(16, levels: 1, prefix: 1))
        let second = try planted.fit(.uncapped(17, levels: 1, prefix: 1), previous: first.asPrevious)
        #expect(second.report.start == .otherShape)
        #expect(second.report.change!.changedShare < 0.5)
        let wider = try PlantedItems(2000, width: 20, weights: [1, 1], seed: 11)
            .fit(.uncapped(16, levels: 1, prefix: 1), previous: first.asPrevious)
        #expect(wider.report.start == .otherShape)
    }

    @Test func clustersOfUnknownOriginGetNumbersThatNoneHadBefore() throws {
        let first = try items.fit(settings)
        let second = try items.fit(
            SemanticSettings(firstSize: 14),
            previous: SemanticFit.Previous(codebook: first.codebook, clusterOfItem: nil))
        #expect(second.report.start == .otherShape)
        #expect(second.clusters.clusterOfItem.allSatisfy { $0 >= first.codebook.clusterCount })
        #expect(second.clusters.names.count == second.codebook.clusterCount)
    }

    @Test func newItemsGetNumbersWithoutTouchingTheOthers() throws {
        let first = try items.fit(.uncapped(12))
        let more = PlantedItems(items.vectors + PlantedItems(40, weights: [1, 1], seed: 12).vectors, width: 12)
        let old = first.clusters.clusterOfItem + [Int32](repeating: -1, count: 40)
        let second = try more.fit(
            .uncapped(12), previous: SemanticFit.Previous(codebook: first.codebook, clusterOfItem: old))
        #expect(second.report.change?.changed == 0 && second.report.change?.added == 40)
        #expect(second.clusters.clusterOfItem.allSatisfy { $0 >= 0 })
    }

    @Test func assigningIsTheLastStepOfLearning() throws {
        let fit = try items.fit(.uncapped(12))
        #expect(items.assigned(by: fit.codebook) == fit.clusters.clusterOfItem)
    }

    @Test(arguments: [1, 37, 511, 513]) func theClusterOfAVectorDoesNotDependOnTheOthers(_ count: Int) throws {
        let fit = try items.fit(.uncapped(12))
        let begin = 1201
        let some = PlantedItems(Array(items.vectors[begin * 12..<(begin + count) * 12]), width: 12)
        #expect(some.assigned(by: fit.codebook) == Array(fit.clusters.clusterOfItem[begin..<begin + count]))
    }

    @Test func aVectorOfAPrefixThatNobodyHadGetsTheNearestCluster() throws {
        let fit = try items.fit(.uncapped(24))
        let strangers = PlantedItems(3000, weights: [Double](repeating: 1, count: 50), spread: 2, seed: 13)
        let codes = ReadableCodes.codes(strangers, fit.codebook).map { Array($0.code.prefix(2)) }
        let known = (0..<fit.codebook.clusterCount).map { fit.codebook.code(ofCluster: $0)! }
        let strays = codes.indices.filter { !known.contains(codes[$0]) }
        try #require(strays.count > 5)
        let assigned = strangers.assigned(by: fit.codebook)
        try #require(assigned.allSatisfy { $0 >= 0 })
        for item in strays {
            let distances = known.map { distance(strangers, item, $0, fit.codebook) }
            #expect(distances[Int(assigned[item])] <= distances.min()! + 1e-5)
        }
    }

    private func distance(_ items: PlantedItems, _ item: Int, _ code: [Int], _ codebook: SemanticCodebook) -> Double {
        let D = items.width
        let row = items.vectors[item * D..<(item + 1) * D].map { Double($0) }
        let length = row.reduce(0) { $0 + $1 * $1 }.squareRoot()
        return (0..<D).reduce(0.0) { sum, d in
            let place = zip(code, codebook.centroids).reduce(0.0) { $0 + Double($1.1[$1.0 * D + d]) }
            return sum + (row[d] / length - place) * (row[d] / length - place)
        }
    }
}
