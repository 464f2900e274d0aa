/// How good a night's clusters are, and how they came about.
package struct SemanticReport: Equatable, Sendable {
    package enum Start: String, Sendable {
        /// There were no clusters before.
        case cold
        /// The previous centroids still fit and were left as they are.
        case kept
        /// The previous centroids fitted less well and were learned further.
        case refined
        /// The vectors have turned against the previous centroids; new ones were learned from where the items are now
        /// that shared one, or from scratch where the old clusters of the items are not known.
        case turned
        /// The previous codebook has other sizes, and was learned anew; numbers are kept by items.
        case otherShape
    }

    package let start: Start
    /// The share of the vectors' length that the previous centroids account for; nil where they were not tried.
    package let explainedByPrevious: Double?
    /// Items with a cluster.
    package let items: Int
    /// Items whose vectors hold a number that is not finite.
    package let withoutCluster: Int
    /// Clusters with an item.
    package let clusters: Int
    /// Mean squared length of the vectors: 1, or less where some are zero.
    package let energy: Double
    /// The share of length that the same sizes account for in as many vectors that point anywhere. Where ``explained``
    /// is not clearly above it, there is nothing in the vectors yet that clusters could be made of.
    package let explainedByChance: Double
    /// Mean squared length of what each level leaves.
    package let errors: [Double]
    /// Share of the items whose whole code is another's too.
    package let collisionShare: Double
    package let largestShare: Double
    /// Items that a cluster may hold.
    package let capacity: Int
    /// Share of the items that the cap moved to another cluster than their own.
    package let movedShare: Double
    /// Against the clusters that the caller gave; nil without.
    package let change: ClusterChange?

    /// The share of the vectors' length that the codes account for.
    package var explained: Double { energy > 0 ? max(0, 1 - (errors.last ?? energy) / energy) : 1 }
}

extension SemanticReport: CustomStringConvertible {
    package var description: String {
        let errors = errors.map { Self.text($0) }.joined(separator: " ")
        let changed = change.map { "; changed \(Self.percent($0.changedShare)) of \($0.shared)" } ?? ""
        return "\(items) items in \(clusters) clusters (\(start)), largest \(Self.percent(largestShare)), "
            + "moved by the cap \(Self.percent(movedShare)), \(withoutCluster) without; "
            + "error per level \(errors) of \(Self.text(energy)), explained \(Self.percent(explained)), "
            + "by chance \(Self.percent(explainedByChance)); "
            + "same code as another \(Self.percent(collisionShare))\(changed)"
    }

    private static func percent(_ share: Double) -> String { "\((share * 1e4).rounded() / 100) %" }

    private static func text(_ value: Double) -> String { "\((value * 1e4).rounded() / 1e4)" }
}
