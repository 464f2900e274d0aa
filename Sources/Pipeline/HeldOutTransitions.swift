import Histories
import Interests
import Transitions

/// Which clusters came next behind some keys after a cut: what expectations are judged by.
package struct HeldOutTransitions: Sendable {
    /// Microseconds since 1970; what came later is held out.
    private let cut: Int64
    private let keys: Set<Int64>
    private var counts: [Int64: [Int32: Int]] = [:]

    private static let longestKey = 2

    /// - Parameter keys: of one or two clusters; what came behind others is left out.
    package init(cut: Int64, keys: Set<Int64>) {
        self.cut = cut
        self.keys = keys
    }

    /// Counts one user, as ``TransitionTally`` does: the next cluster is novel, none of those of its key.
    package mutating func add(clusters: [Int32], times: [Int64]) {
        var last: [Int32] = []
        for (cluster, time) in zip(clusters, times) where cluster >= 0 && cluster != last.last {
            if time > cut {
                for length in 1...Self.longestKey where length <= last.count {
                    let clusters = last.suffix(length), key = TransitionKey(clusters).rawValue
                    guard keys.contains(key), !clusters.contains(cluster) else { continue }
                    counts[key, default: [:]][cluster, default: 0] += 1
                }
            }
            last.append(cluster)
            if last.count > Self.longestKey { last.removeFirst() }
        }
    }

    /// In the order of keys, then of clusters.
    package var all: [HeldOutNext] {
        counts.sorted { $0.key < $1.key }.flatMap { key, next in
            next.sorted { $0.key < $1.key }.map { HeldOutNext(key: key, next: Int($0.key), count: $0.value) }
        }
    }
}
