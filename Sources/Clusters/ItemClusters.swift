import Domain

/// Groups of items, whatever they were made from: which one each item belongs to, what they are called, how large.
package struct ItemClusters: Equatable, Sendable {
    /// Clusters at most, so that a number fits two bytes with two values left for "none" and "any".
    package static let limit = 65_534

    package let source: ClusterSource
    /// `[items]`: -1 for an item without one.
    package let clusterOfItem: [Int32]
    /// `[clusters]`: by number; a number out of use keeps its name.
    package let names: [String]
    /// `[clusters]`: items of each.
    package let sizes: [Int]

    /// - Parameter clusterOfItem: -1 or a place in `names`.
    package init(source: ClusterSource, clusterOfItem: [Int32], names: [String]) {
        var sizes = [Int](repeating: 0, count: names.count)
        for cluster in clusterOfItem where cluster >= 0 { sizes[Int(cluster)] += 1 }
        self.source = source
        self.clusterOfItem = clusterOfItem
        self.names = names
        self.sizes = sizes
    }

    /// One cluster per label. The labels of last night keep their numbers, new ones follow them in the order of their
    /// bytes; when the limit is reached they take the numbers of labels that no item has any more.
    ///
    /// - Parameters:
    ///   - labels: `[items]`; nil or empty for none.
    ///   - previousNames: ``names`` of last night's clusters from the same column.
    package init(labels: [String?], source: ClusterSource, previousNames: [String] = []) throws(ClusterError) {
        // Keys by bytes: Swift takes two spellings of one accent for equal, the column has both.
        var number: [ExternalID: Int32] = [:]
        for (i, name) in previousNames.enumerated() where !name.isEmpty { number[.text(name)] = Int32(i) }
        let keys = labels.map { label in label.flatMap { $0.isEmpty ? nil : ExternalID.text($0) } }
        let found = Set(keys.compactMap { $0 })
        guard found.count <= Self.limit else { throw .tooManyLabels(found: found.count, limit: Self.limit) }
        let new = found.filter { number[$0] == nil }.sorted()
        let kept = Set(found.compactMap { number[$0] })
        let retired = previousNames.indices.lazy.filter { !kept.contains(Int32($0)) }
        var names = previousNames
        let appended = max(0, min(new.count, Self.limit - previousNames.count))
        names.append(contentsOf: new.prefix(appended).map(\.description))
        for (place, key) in zip(retired, new.dropFirst(appended)) {
            number[.text(names[place])] = nil
            names[place] = key.description
        }
        for (place, name) in names.enumerated() where !name.isEmpty { number[.text(name)] = Int32(place) }
        self.init(source: source, clusterOfItem: keys.map { $0.flatMap { number[$0] } ?? -1 }, names: names)
    }

    /// Clusters with an item.
    package var filled: Int { sizes.count { $0 > 0 } }

    /// The largest cluster's share of the items that have one.
    package var largestShare: Double {
        let items = sizes.reduce(0, +)
        return items == 0 ? 0 : Double(sizes.max() ?? 0) / Double(items)
    }
}
