import Clusters
import Testing

@Suite struct BalanceTests {
    private let skewed = PlantedItems(2000, weights: [30, 8, 4, 2, 1, 1, 1, 1], spread: 0.1, seed: 3)

    @Test(arguments: [0.04, 0.06, 0.1]) func noClusterHoldsMoreThanTheShare(_ share: Double) throws {
        var settings = SemanticSettings(firstSize: 8)
        settings.mostShare = share
        let fit = try skewed.fit(settings)
        #expect(fit.report.capacity == Int(share * 2000))
        #expect(fit.clusters.sizes.allSatisfy { $0 <= fit.report.capacity })
        #expect(fit.clusters.sizes.reduce(0, +) == 2000)
        #expect(fit.report.movedShare > 0 && fit.report.largestShare <= share)
        #expect(fit.report.largestShare == fit.clusters.largestShare)
    }

    @Test func aShareBelowThatOfAnEvenClusterMeansEvenClusters() throws {
        var settings = SemanticSettings(firstSize: 8)
        settings.mostShare = 0.001
        let fit = try skewed.fit(settings)
        #expect(fit.report.capacity == 63)
        #expect(fit.clusters.sizes.allSatisfy { $0 <= 63 })
        #expect(fit.clusters.filled == 32)
    }

    @Test func onlyItemsOfFullClustersMoveAndThoseThatLoseLeast() throws {
        let items = PlantedItems(2000, weights: [9, 6, 3, 3, 2, 2, 1, 1], spread: 0.3, seed: 14)
        let free = try items.fit(.uncapped(8, levels: 1, prefix: 1))
        let codes = ReadableCodes.codes(items, free.codebook).map(\.code[0])
        let sizes = codes.reduce(into: [Int](repeating: 0, count: 8)) { $0[$1] += 1 }
        let order = sizes.indices.sorted { sizes[$0] > sizes[$1] }
        let full = order[0], capacity = (sizes[full] + sizes[order[1]]) / 2
        try #require(capacity < sizes[full] - 50)
        var settings = SemanticSettings(firstSize: 8, levels: 1, prefix: 1)
        settings.mostShare = (Double(capacity) + 0.5) / 2000
        let capped = try items.fit(settings)
        try #require(free.codebook.centroids == capped.codebook.centroids)
        let isMoved = zip(codes, capped.clusters.clusterOfItem).map { [$0] != capped.codebook.code(ofCluster: Int($1)) }
        #expect(isMoved.indices.allSatisfy { !isMoved[$0] || codes[$0] == full })
        #expect(capped.report.capacity == capacity && isMoved.count { $0 } == sizes[full] - capacity)
        let losses = losses(items, free.codebook, full)
        let moved = losses.indices.filter { isMoved[$0] }.map { losses[$0] }
        let stayed = losses.indices.filter { !isMoved[$0] && codes[$0] == full }.map { losses[$0] }
        #expect(moved.max()! <= stayed.min()! + 1e-5)
    }

    /// How much farther than its own centroid the nearest other one is, squared.
    private func losses(_ items: PlantedItems, _ codebook: SemanticCodebook, _ own: Int) -> [Double] {
        let D = items.width
        return (0..<items.count).map { item in
            let row = items.vectors[item * D..<(item + 1) * D].map { Double($0) }
            let length = row.reduce(0) { $0 + $1 * $1 }.squareRoot()
            let distances = (0..<8).map { k in
                (0..<D).reduce(0.0) {
                    let difference = row[$1] / length - Double(codebook.centroids[0][k * D + $1])
                    return $0 + difference * difference
                }
            }
            return distances.indices.filter { $0 != own }.map { distances[$0] }.min()! - distances[own]
        }
    }

    @Test func clustersWithinTheirShareAreLeftAlone() throws {
        let even = PlantedItems(2000, weights: [Double](repeating: 1, count: 16), seed: 4)
        var settings = SemanticSettings.uncapped(8)
        let free = try even.fit(settings)
        settings.mostShare = free.clusters.largestShare
        let capped = try even.fit(settings)
        #expect(capped.report.movedShare == 0 && capped.clusters == free.clusters)
    }
}
