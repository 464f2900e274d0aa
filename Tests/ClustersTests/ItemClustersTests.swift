import Clusters
import Domain
import Testing

@Suite struct ItemClustersTests {
    @Test func labelsAreNumberedInTheOrderOfTheirBytes() throws {
        let clusters = try ItemClusters(labels: ["tea", nil, "Art", "", "tea", "zoo"], source: .category)
        #expect(clusters.names == ["Art", "tea", "zoo"])
        #expect(clusters.clusterOfItem == [1, -1, 0, -1, 1, 2])
        #expect(clusters.sizes == [1, 2, 1])
        #expect(clusters.filled == 3 && clusters.largestShare == 0.5)
        #expect(clusters.source == .category)
    }

    @Test func labelsKeepTheirNumbersAndNewOnesFollow() throws {
        let clusters = try ItemClusters(
            labels: ["zoo", "Art", "bar", "aaa"], source: .seller, previousNames: ["zoo", "gone", "Art"])
        #expect(clusters.names == ["zoo", "gone", "Art", "aaa", "bar"])
        #expect(clusters.clusterOfItem == [0, 2, 4, 3])
        #expect(clusters.sizes == [1, 0, 1, 1, 1])
    }

    @Test func twoSpellingsOfOneAccentAreTwoClusters() throws {
        let clusters = try ItemClusters(labels: ["caf\u{e9}", "cafe\u{301}"], source: .category)
        #expect(clusters.names.count == 2 && clusters.clusterOfItem == [1, 0])
    }

    @Test func moreLabelsThanNumbersAreRefused() throws {
        let most = (0..<ItemClusters.limit).map { "label \($0)" as String? }
        #expect(try ItemClusters(labels: most, source: .seller).names.count == 65_534)
        #expect(throws: ClusterError.tooManyLabels(found: 65_535, limit: 65_534)) {
            try ItemClusters(labels: most + ["one more"], source: .seller)
        }
        #expect("\(ClusterError.tooManyLabels(found: 65_535, limit: 65_534))".contains("coarser column"))
    }

    @Test func atTheLimitNewLabelsTakeTheNumbersOfThoseThatAreGone() throws {
        let previous = (0..<ItemClusters.limit - 1).map { "label \($0)" }
        let labels = previous.dropFirst(2).map { $0 as String? } + ["a", "b"]
        let clusters = try ItemClusters(labels: labels, source: .seller, previousNames: previous)
        #expect(clusters.names.count == 65_534)
        #expect(clusters.names.first == "b" && clusters.names[1] == "label 1" && clusters.names.last == "a")
        #expect(clusters.clusterOfItem.suffix(2) == [65_533, 0])
        #expect(clusters.clusterOfItem.first == 2)
    }

    @Test func noItemsAreNoClusters() throws {
        let clusters = try ItemClusters(labels: [], source: .category)
        #expect(clusters.names.isEmpty && clusters.largestShare == 0)
    }
}

@Suite struct ClusterChangeTests {
    @Test func onlyItemsWithAClusterOnBothNightsCount() {
        let change = ClusterChange(from: [0, 1, 2, -1, 3, -1], to: [0, 2, 2, 1, -1, -1])
        #expect(change.shared == 3 && change.changed == 1 && change.added == 1 && change.lost == 1)
        #expect(change.changedShare == 1.0 / 3)
        #expect(ClusterChange(from: [], to: []).changedShare == 0)
    }

    @Test func itemsAreMatchedByTheirKeys() {
        let old: [ExternalID] = [.integer(5), .integer(6), .integer(7), .integer(8)]
        let new: [ExternalID] = [.integer(9), .integer(7), .integer(5)]
        #expect(ClusterChange.carried([4, 1, 2, -1], of: old, to: new) == [-1, 2, 4])
        let change = ClusterChange(from: [4, 1, 2, -1], of: old, to: [0, 2, 3], of: new)
        #expect(change.shared == 2 && change.changed == 1 && change.added == 1 && change.lost == 1)
    }
}
