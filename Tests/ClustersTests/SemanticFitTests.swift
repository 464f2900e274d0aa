import Clusters
import Domain
import Tensors
import Testing

@Suite struct SemanticFitTests {
    private let items = PlantedItems(3000, weights: [Double](repeating: 1, count: 24), seed: 1)

    @Test func plantedGroupsComeBackAsClusters() throws {
        let fit = try items.fit(.uncapped(24, levels: 1, prefix: 1))
        var pairs: [[Int]: Int] = [:]
        for (group, cluster) in zip(items.group, fit.clusters.clusterOfItem) {
            pairs[[group, Int(cluster)], default: 0] += 1
        }
        let inLargest = (0..<24).reduce(0) { sum, group in
            sum + (pairs.filter { $0.key[0] == group }.map(\.value).max() ?? 0)
        }
        #expect(Double(inLargest) > 0.97 * 3000)
        #expect(fit.clusters.filled > 20)
    }

    @Test func codesAndErrorsAreThoseOfTheReadableTwin() throws {
        let fit = try items.fit(.uncapped(8))
        let readable = ReadableCodes.codes(items, fit.codebook)
        let differing = zip(readable, fit.clusters.clusterOfItem).count {
            Array($0.code.prefix(2)) != fit.codebook.code(ofCluster: Int($1))
        }
        #expect(differing <= 3, "ties at the precision of Float aside")
        for level in 0..<3 {
            let mean = readable.reduce(0) { $0 + $1.left[level] } / 3000
            #expect(abs(fit.report.errors[level] - mean) < 1e-4 * mean)
        }
        let counts = readable.reduce(into: [:]) { $0[$1.code, default: 0] += 1 }
        let shared = readable.count { counts[$0.code]! > 1 }
        #expect(abs(fit.report.collisionShare - Double(shared) / 3000) < 0.005)
    }

    @Test func eachLevelLeavesLess() throws {
        let report = try items.fit(.uncapped(8, levels: 4)).report
        #expect(abs(report.energy - 1) < 1e-5)
        #expect(zip([report.energy] + report.errors, report.errors).allSatisfy { $0 > $1 })
    }

    @Test func learningBringsCentroidsWhereAnotherRoundGainsNothing() throws {
        let fit = try items.fit(.uncapped(10, levels: 1, prefix: 1))
        let codes = ReadableCodes.codes(items, fit.codebook)
        let D = items.width
        for k in 0..<10 {
            let members = codes.indices.filter { codes[$0].code[0] == k }
            try #require(!members.isEmpty)
            for d in 0..<D {
                let mean = members.reduce(0.0) { sum, item in
                    let row = items.vectors[item * D..<(item + 1) * D]
                    let length = row.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
                    return sum + Double(items.vectors[item * D + d]) / length
                }
                #expect(abs(mean / Double(members.count) - Double(fit.codebook.centroids[0][k * D + d])) < 1e-5)
            }
        }
    }

    @Test func vectorsWithoutGroupsAreExplainedNoBetterThanByChance() throws {
        var draw = SeededGenerator(seed: 40)
        let anywhere = PlantedItems((0..<3000 * 12).map { _ in Float(draw.normal()) }, width: 12)
        let none = try anywhere.fit(.uncapped(8)).report
        #expect(abs(none.explained - none.explainedByChance) < 0.02)
        let planted = try items.fit(.uncapped(8)).report
        #expect(planted.explained > planted.explainedByChance + 0.2)
        #expect(planted.explained == 1 - planted.errors[2] / planted.energy)
    }

    @Test func theScaleOfVectorsDoesNotMatter() throws {
        var large = items
        for i in large.vectors.indices { large.vectors[i] *= 4096 }
        let settings = SemanticSettings.uncapped(8)
        #expect(try large.fit(settings).clusters == items.fit(settings).clusters)
        for i in large.vectors.indices { large.vectors[i] = items.vectors[i] * 0x1p-120 }
        #expect(try large.fit(settings).clusters == items.fit(settings).clusters)
    }

    @Test(arguments: [1, 3, 7]) func theSameInputIsTheSameBytesWithAnyNumberOfThreads(_ threads: Int) throws {
        let skewed = PlantedItems(4000, weights: [5, 1, 1, 1, 1], seed: 2)
        let settings = SemanticSettings(firstSize: 12)
        let one = try skewed.fit(settings, threads: 1), many = try skewed.fit(settings, threads: threads)
        #expect(one == many)
        #expect(try one.codebook.bytes() == many.codebook.bytes())
    }

    @Test func anotherSeedIsAnotherCodebook() throws {
        var other = SemanticSettings.uncapped(8)
        other.seed = 9
        #expect(try items.fit(other).codebook.centroids != items.fit(.uncapped(8)).codebook.centroids)
    }

    @Test func aSampleIsEnoughToLearnFromAndAllAreAssigned() throws {
        var settings = SemanticSettings.uncapped(24, levels: 1, prefix: 1)
        let all = try items.fit(settings).report
        settings.sampleCount = 600
        let some = try items.fit(settings).report
        #expect(some.items == 3000)
        #expect(some.errors[0] < 1.3 * all.errors[0])
    }

    @Test func vectorsThatAreNotFiniteGetNoClusterAndDoNotTouchTheOthers() throws {
        var broken = items
        let values: [Float] = [.nan, .infinity, -.infinity]
        for (i, value) in values.enumerated() { broken.vectors[i * 700 * 12 + i] = value }
        let fit = try broken.fit(.uncapped(8))
        #expect(fit.report.withoutCluster == 3 && fit.report.items == 2997)
        #expect(fit.clusters.clusterOfItem.indices.filter { fit.clusters.clusterOfItem[$0] < 0 } == [0, 700, 1400])
        #expect(fit.codebook.centroids.joined().allSatisfy { $0.isFinite })
        #expect(broken.assigned(by: fit.codebook) == fit.clusters.clusterOfItem)
    }

    @Test(arguments: [0, 1, 2, 5, 600]) func itemsAllAlikeAreClusteredWithoutALoop(_ count: Int) throws {
        for value in [Float(0), 0.5, .nan] {
            let alike = PlantedItems([Float](repeating: value, count: count * 4), width: 4)
            let fit = try alike.fit(SemanticSettings(items: count))
            #expect(fit.report.items == (value.isNaN ? 0 : count))
            #expect(fit.clusters.sizes.allSatisfy { $0 <= fit.report.capacity })
            #expect(try alike.fit(SemanticSettings(items: count), previous: fit.asPrevious).report.change?.changed == 0)
        }
    }

    @Test func settingsThatCannotBeAreRefused() {
        func refusal(_ change: (inout SemanticSettings) -> Void) -> ClusterError? {
            var settings = SemanticSettings(firstSize: 8)
            change(&settings)
            do {
                _ = try SemanticFit(
                    items.vectors, count: 10, width: 12, settings: settings, pool: WorkerPool(workers: 1))
                return nil
            } catch { return error }
        }
        #expect(refusal { _ in } == nil)
        #expect(refusal { $0.prefix = 3 } == nil)
        #expect(refusal { $0.prefix = 4 } == .unusable(setting: "prefix", value: "4", allowed: "from 1 to 3"))
        #expect(refusal { $0.prefix = 0 } != nil)
        #expect(refusal { $0.levels = 0 } != nil)
        #expect(refusal { $0.firstSize = 1 } != nil)
        #expect(refusal { $0.mostShare = 0 } != nil)
        #expect(refusal { $0.mostShare = .nan } != nil)
        #expect(refusal { $0.firstSize = 363 } == .tooManyClusters(asked: 363 * 182, limit: 65_534))
        #expect(refusal { $0.firstSize = 360 } == nil)
    }
}
