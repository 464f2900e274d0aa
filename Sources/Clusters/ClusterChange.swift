import Domain

/// How many items have another cluster than before.
package struct ClusterChange: Equatable, Sendable {
    /// Items that had a cluster before and have one now.
    package private(set) var shared = 0
    package private(set) var changed = 0
    /// Items with a cluster now that had none.
    package private(set) var added = 0
    /// Items that had a cluster and have none now.
    package private(set) var lost = 0

    /// Of the items that had a cluster before and have one now.
    package var changedShare: Double { shared == 0 ? 0 : Double(changed) / Double(shared) }

    /// - Parameters: before, now: the cluster of each of the same items; -1 for none.
    package init(from before: [Int32], to now: [Int32]) {
        precondition(before.count == now.count, "both assignments are of the same items")
        for (old, new) in zip(before, now) { count(old, new) }
    }

    /// The same for items that come and go, matched by their keys.
    package init(from before: [Int32], of oldItems: [ExternalID], to now: [Int32], of items: [ExternalID]) {
        self.init(from: ClusterChange.carried(before, of: oldItems, to: items), to: now)
        let kept = Set(items)
        lost += zip(oldItems, before).count { $1 >= 0 && !kept.contains($0) }
    }

    /// The old cluster of each of today's items; -1 for an item that is new.
    package static func carried(_ clusters: [Int32], of oldItems: [ExternalID], to items: [ExternalID]) -> [Int32] {
        precondition(clusters.count == oldItems.count, "one cluster per item")
        let cluster = Dictionary(zip(oldItems, clusters), uniquingKeysWith: { first, _ in first })
        return items.map { cluster[$0] ?? -1 }
    }

    private mutating func count(_ old: Int32, _ new: Int32) {
        switch (old >= 0, new >= 0) {
        case (true, true):
            shared += 1
            changed += old == new ? 0 : 1
        case (false, true): added += 1
        case (true, false): lost += 1
        case (false, false): break
        }
    }
}
