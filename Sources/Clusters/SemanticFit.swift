import Domain
import Tensors

/// A night's clusters by meaning: the codebook to keep, the cluster of each item, and how good they are.
package struct SemanticFit: Equatable, Sendable {
    /// Last night's clusters.
    package struct Previous: Sendable {
        package let codebook: SemanticCodebook
        /// `[items]` of tonight; -1 for an item that is new; nil where it is not known.
        package let clusterOfItem: [Int32]?

        package init(codebook: SemanticCodebook, clusterOfItem: [Int32]?) {
            self.codebook = codebook
            self.clusterOfItem = clusterOfItem
        }
    }

    package let codebook: SemanticCodebook
    package let clusters: ItemClusters
    package let report: SemanticReport

    /// - Parameters:
    ///   - vectors: `[count, D]` of any scale; one with a number that is not finite gets no cluster.
    ///   - previous: keeps clusters and their numbers from night to night, as far as the vectors allow.
    package init(
        _ vectors: UnsafePointer<Float>, count: Int, width D: Int, settings: SemanticSettings,
        previous: Previous? = nil, pool: WorkerPool
    ) throws(ClusterError) {
        try settings.check()
        precondition(previous?.clusterOfItem.map { $0.count == count } ?? true, "one old cluster per item")
        precondition(
            previous?.clusterOfItem?.allSatisfy { $0 >= -1 && $0 < ItemClusters.limit } ?? true, "cluster numbers")
        let learned = LearnedCodes(
            vectors, count: count, width: D, settings: settings, previous: previous, pool: pool)
        let unnumbered = SemanticCodebook(
            settings: settings, width: D, centroids: learned.centroids,
            numbers: ClusterNumbers(prefixes: settings.clusters, next: previous?.codebook.numbers.next ?? 0),
            explainedWhenLearned: learned.explainedWhenLearned)
        var prefixes = unnumbered.prefixes(of: learned.coded.codes)
        var balance = Balance(
            vectors, width: D, places: unnumbered.places, mostShare: settings.largestShare, prefixes: prefixes,
            pool: pool)
        let moved = balance.apply(to: &prefixes)
        let numbers = Self.numbers(unnumbered.numbers, learned.start, prefixes, previous)
        codebook = unnumbered.numbered(numbers)
        let clusterOfItem = prefixes.map { $0 < 0 ? -1 : numbers.ofPrefix[Int($0)] }
        clusters = ItemClusters(
            source: .semantic, clusterOfItem: clusterOfItem, names: (0..<numbers.next).map { "semantic \($0)" })
        report = SemanticReport(
            start: learned.start, explainedByPrevious: learned.explainedByPrevious, items: learned.coded.coded,
            withoutCluster: count - learned.coded.coded, clusters: clusters.filled, energy: learned.coded.energy,
            explainedByChance: ChanceCodes.explained(
                items: learned.coded.coded, width: D, settings: settings, pool: pool),
            errors: learned.coded.errors, collisionShare: learned.coded.collisionShare,
            largestShare: clusters.largestShare, capacity: balance.capacity,
            movedShare: Double(moved) / Double(max(1, learned.coded.coded)),
            change: previous?.clusterOfItem.map { ClusterChange(from: $0, to: clusterOfItem) })
    }

    /// Under the same centroids a code is the same cluster; under others the clusters with the same items are.
    private static func numbers(
        _ none: ClusterNumbers, _ start: SemanticReport.Start, _ prefixes: [Int32], _ previous: Previous?
    ) -> ClusterNumbers {
        var numbers = none
        let clusters = previous?.clusterOfItem
        if start != .kept, let clusters { numbers.match(prefixes, clusters) }
        // Codes mean what they did where learning began with the old centroids or with their items.
        let sameCodes = start == .kept || start == .refined || start == .turned && clusters != nil
        if sameCodes, let previous { numbers.keep(previous.codebook.numbers) }
        numbers.number(prefixes)
        return numbers
    }
}
