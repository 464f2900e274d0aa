/// Which number each prefix of a code has as a cluster, carried from night to night: tables, prompts and the churn of
/// transitions all name clusters by number.
package struct ClusterNumbers: Equatable, Sendable {
    /// `[prefixes]`: -1 for a prefix that no item ever had.
    package private(set) var ofPrefix: [Int32]
    /// All numbers given so far, also those out of use, are below this.
    package private(set) var next: Int32

    package init(prefixes: Int, next: Int32 = 0) {
        ofPrefix = [Int32](repeating: -1, count: prefixes)
        self.next = next
    }

    /// nil where the numbers are not such as this type gives.
    package init?(ofPrefix: [Int32], next: Int32) {
        let given = ofPrefix.filter { $0 >= 0 }
        guard next >= 0, next <= ItemClusters.limit, ofPrefix.allSatisfy({ $0 >= -1 && $0 < next }),
            Set(given).count == given.count
        else { return nil }
        self.ofPrefix = ofPrefix
        self.next = next
    }

    /// Gives a number to every prefix that has an item and none yet: one never given before, or when the limit is
    /// reached the lowest of those out of use.
    package mutating func number(_ prefixOfItem: [Int32]) {
        var isFilled = [Bool](repeating: false, count: ofPrefix.count)
        for prefix in prefixOfItem where prefix >= 0 { isFilled[Int(prefix)] = true }
        var free = FreeNumbers(next: next, used: ofPrefix)
        for prefix in ofPrefix.indices where isFilled[prefix] && ofPrefix[prefix] < 0 {
            ofPrefix[prefix] = free.take()
        }
        next = max(next, free.next)
    }

    /// Gives prefixes the numbers of those old clusters with which they share the most items, greedily from the largest
    /// overlap down; each number goes to one prefix.
    ///
    /// - Parameters:
    ///   - oldClusterOfItem: of the same items; -1 where there was none.
    package mutating func match(_ prefixOfItem: [Int32], _ oldClusterOfItem: [Int32]) {
        var overlaps: [Overlap: Int] = [:]
        for (prefix, cluster) in zip(prefixOfItem, oldClusterOfItem) where prefix >= 0 && cluster >= 0 {
            overlaps[Overlap(cluster: cluster, prefix: prefix), default: 0] += 1
        }
        var isTaken = Set<Int32>()
        let order = overlaps.sorted {
            ($1.value, $0.key.cluster, $0.key.prefix) < ($0.value, $1.key.cluster, $1.key.prefix)
        }
        for (overlap, _) in order where ofPrefix[Int(overlap.prefix)] < 0 && !isTaken.contains(overlap.cluster) {
            ofPrefix[Int(overlap.prefix)] = overlap.cluster
            isTaken.insert(overlap.cluster)
            next = max(next, overlap.cluster + 1)
        }
    }

    /// Lets prefixes without a number keep the one that they had under the same centroids, where nobody took it.
    package mutating func keep(_ old: ClusterNumbers) {
        var isTaken = Set(ofPrefix)
        for prefix in ofPrefix.indices where ofPrefix[prefix] < 0 && isTaken.insert(old.ofPrefix[prefix]).inserted {
            ofPrefix[prefix] = old.ofPrefix[prefix]
        }
        next = max(next, old.next)
    }

    private struct Overlap: Hashable {
        let cluster: Int32
        let prefix: Int32
    }
}

/// The numbers that nobody has, in the order in which they are given.
private struct FreeNumbers {
    private(set) var next: Int32
    private var retired: [Int32]

    init(next: Int32, used: [Int32]) {
        self.next = next
        let used = Set(used)
        retired = (0..<next).reversed().filter { !used.contains($0) }
    }

    mutating func take() -> Int32 {
        if Int(next) >= ItemClusters.limit, let number = retired.popLast() { return number }
        next += 1
        return next - 1
    }
}
