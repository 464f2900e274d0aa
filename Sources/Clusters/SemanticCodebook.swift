import Tensors

/// Clusters of items by meaning: residual k-means over unit item vectors, level by level coarser in number and finer in
/// what is told apart, where the first levels of an item's code name its cluster.
///
/// Source: residual quantisation as for semantic ids (Lee et al. 2022, arXiv:2203.01941; Rajput et al. 2023, TIGER,
/// arXiv:2305.05065). Departure: plain k-means per level, no network learned with it.
package struct SemanticCodebook: Equatable, Sendable {
    package let settings: SemanticSettings
    /// Floats of an item vector.
    package let width: Int
    /// Per level `[size, D]`.
    package let centroids: [[Float]]
    let numbers: ClusterNumbers
    /// The share of the vectors' length that the codes accounted for when the centroids were learned.
    let explainedWhenLearned: Double

    init(
        settings: SemanticSettings, width: Int, centroids: [[Float]], numbers: ClusterNumbers,
        explainedWhenLearned: Double
    ) {
        self.settings = settings
        self.width = width
        self.centroids = centroids
        self.numbers = numbers
        self.explainedWhenLearned = explainedWhenLearned
    }

    /// The cluster of each vector; -1 for one with a number that is not finite.
    ///
    /// The same code as in the last step of learning, but for the cap on sizes. A vector whose prefix no learned item
    /// had gets the nearest cluster that there is.
    ///
    /// - Parameter vectors: `[count, D]` of any scale.
    package func assign(_ vectors: UnsafePointer<Float>, count: Int, pool: WorkerPool) -> [Int32] {
        let coded = Quantiser(centroids, width: width).code(vectors, count: count, pool: pool)
        let prefixes = prefixes(of: coded.codes)
        var clusters = prefixes.map { $0 < 0 ? -1 : numbers.ofPrefix[Int($0)] }
        let strays = prefixes.indices.filter { prefixes[$0] >= 0 && clusters[$0] < 0 }
        let known = numbers.ofPrefix.indices.filter { numbers.ofPrefix[$0] >= 0 }
        guard !strays.isEmpty, !known.isEmpty else { return clusters }
        let places = places
        let table = CentroidTable(known.flatMap { places[$0 * width..<($0 + 1) * width] }, width: width)
        RowScores(vectors, table).forEach(strays[...]) { item, scores in
            clusters[item] = numbers.ofPrefix[known[CentroidTable.best(scores, count: known.count)]]
        }
        return clusters
    }

    /// The code of a cluster by its number, such as `[12, 3]`; nil for a number out of use.
    package func code(ofCluster number: Int) -> [Int]? {
        guard let prefix = numbers.ofPrefix.firstIndex(of: Int32(number)), number >= 0 else { return nil }
        var rest = prefix, code: [Int] = []
        for size in settings.sizes.prefix(settings.prefix).reversed() {
            code.append(rest % size)
            rest /= size
        }
        return code.reversed()
    }

    /// Per level of the prefix, the centroid of each item by its cluster; -1 for none and for a number out of use.
    func digits(ofClusters clusters: [Int32]) -> [[Int32]] {
        var prefixOfCluster = [Int32](repeating: -1, count: ItemClusters.limit)
        for (prefix, number) in numbers.ofPrefix.enumerated() where number >= 0 {
            prefixOfCluster[Int(number)] = Int32(prefix)
        }
        let sizes = settings.sizes.prefix(settings.prefix).map { Int32($0) }
        return sizes.indices.map { level in
            let below = sizes[(level + 1)...].reduce(1, *)
            return clusters.map {
                let prefix = $0 < 0 ? -1 : prefixOfCluster[Int($0)]
                return prefix < 0 ? -1 : prefix / below % sizes[level]
            }
        }
    }

    /// Numbers given so far, also those out of use: one more than the largest.
    package var clusterCount: Int { Int(numbers.next) }

    func prefixes(of codes: [Int64]) -> [Int32] {
        let below = settings.sizes.dropFirst(settings.prefix).reduce(Int64(1)) { $0 * Int64($1) }
        return codes.map { $0 < 0 ? -1 : Int32($0 / below) }
    }

    /// `[prefixes, D]`: the sum of the centroids along each prefix.
    var places: [Float] {
        var sums = [Float](repeating: 0, count: width)
        for level in centroids.prefix(settings.prefix) {
            var longer: [Float] = []
            longer.reserveCapacity(sums.count / width * level.count)
            for start in stride(from: 0, to: sums.count, by: width) {
                for i in level.indices { longer.append(sums[start + i % width] + level[i]) }
            }
            sums = longer
        }
        return sums
    }

    func numbered(_ numbers: ClusterNumbers) -> SemanticCodebook {
        SemanticCodebook(
            settings: settings, width: width, centroids: centroids, numbers: numbers,
            explainedWhenLearned: explainedWhenLearned)
    }
}
