import Domain

/// Groups of items: which cluster each item row belongs to, and what the clusters are called.
package struct ClusterMap: Sendable {
    /// `[V]`: cluster of each vocabulary row; -1 for an item without one.
    package let clusterOfRow: [Int32]
    package let names: [String]

    package init(clusterOfRow: [Int32], names: [String]) {
        self.clusterOfRow = clusterOfRow
        self.names = names
    }

    /// The source's categories; nil where there are fewer than two to go between.
    package init?(categoriesOf vocabulary: Vocabulary) {
        guard vocabulary.categories.count > 2 else { return nil }
        self.init(
            clusterOfRow: vocabulary.category.map { $0 - 1 }, names: Array(vocabulary.categories.dropFirst()))
    }

    /// How many items each cluster holds.
    package var sizes: [Int] {
        var sizes = [Int](repeating: 0, count: names.count)
        for cluster in clusterOfRow where cluster >= 0 { sizes[Int(cluster)] += 1 }
        return sizes
    }
}
