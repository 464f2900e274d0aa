import Clusters
import Testing

@Suite struct SemanticSettingsTests {
    @Test(arguments: [0, 1, 100, 256, 5000, 20_000, 100_000, 1_048_576, 50_000_000], [1, 2, 3])
    func clustersAreAboutTheSquareRootOfTheItems(_ items: Int, _ prefix: Int) throws {
        let settings = SemanticSettings(items: items, prefix: prefix)
        let usual = min(1024, max(16, Double(items).squareRoot()))
        #expect(Double(settings.clusters) >= usual / 1.5 && Double(settings.clusters) <= usual * 1.5)
        try settings.check()
    }

    @Test func sizesHalve() {
        #expect(SemanticSettings(firstSize: 64).sizes == [64, 32, 16])
        #expect(SemanticSettings(firstSize: 64).clusters == 2048)
        #expect(SemanticSettings(firstSize: 64, prefix: 1).clusters == 64)
        #expect(SemanticSettings(firstSize: 7, levels: 4).sizes == [7, 4, 2, 2])
    }

    @Test func aCatalogueThatGrowsALittleKeepsItsSizes() {
        let first = SemanticSettings(items: 100_000)
        #expect(SemanticSettings(items: 130_000).sizes != first.sizes)
        #expect(SemanticSettings(items: 130_000, keeping: first).sizes == first.sizes)
        #expect(SemanticSettings(items: 900_000, keeping: first).sizes == SemanticSettings(items: 900_000).sizes)
        #expect(SemanticSettings(items: 130_000, prefix: 1, keeping: first).prefix == 1)
    }

    @Test func theCapIsFourEvenClustersButNeverBelowTwoInAHundred() {
        #expect(SemanticSettings(firstSize: 64).largestShare == 0.02)
        #expect(SemanticSettings(firstSize: 8).largestShare == 4.0 / 32)
        #expect(SemanticSettings(firstSize: 2, levels: 1, prefix: 1).largestShare == 1)
        var settings = SemanticSettings(firstSize: 8)
        settings.mostShare = 0.3
        #expect(settings.largestShare == 0.3)
    }
}
