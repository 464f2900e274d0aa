/// What the clusters of items are made from: a column of the items relation, or their vectors.
package enum ClusterSource: String, Sendable, CaseIterable {
    case category, seller, semantic
}
