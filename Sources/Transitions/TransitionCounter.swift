import Domain

/// Counts, over all users, which cluster comes next after the last one and after the last ordered pair of clusters.
///
/// A user is the sequence of the clusters of positively engaged items, in time order, repeats in a row removed; users
/// with fewer than two distinct clusters say nothing. The next cluster is novel: it differs from those of its key.
/// Source: Google's hybrid of fine-tuning and lookup, arXiv:2510.20260. Departure: keys of one cluster and of none are
/// counted too, so that a lookup can back off.
package struct TransitionCounter {
    private let clusters: ClusterMap
    private var counts: [Int64: [Int32: Int32]] = [:]
    private var sequence: [Int32] = []

    /// Times that a pair must have been seen before it speaks for itself.
    package static let fewestOfPair = 3
    package static let nextKept = 20

    package init(_ clusters: ClusterMap) { self.clusters = clusters }

    /// `nearline.transition_key` in SQL; nil stands for "none".
    package static func key(_ older: Int32?, _ latest: Int32?) -> Int64 {
        Int64((older ?? -1) + 1) << 32 | Int64((latest ?? -1) + 1)
    }

    package mutating func add(_ history: TokenHistory) {
        sequence.removeAll(keepingCapacity: true)
        for (row, action) in zip(history.rows, history.actions) where action > Action.impression.rawValue {
            let cluster = clusters.clusterOfRow[Int(row)]
            if cluster >= 0, sequence.last != cluster { sequence.append(cluster) }
        }
        guard sequence.count >= 2 else { return }
        for t in 1..<sequence.count {
            let next = sequence[t], latest = sequence[t - 1]
            count(TransitionCounter.key(nil, latest), next)
            count(TransitionCounter.key(nil, nil), next)
            if t >= 2, sequence[t - 2] != next { count(TransitionCounter.key(sequence[t - 2], latest), next) }
        }
    }

    private mutating func count(_ key: Int64, _ next: Int32) { counts[key, default: [:]][next, default: 0] += 1 }

    /// For each key, in order: what comes next, most probable first (ties by cluster), with its share of the key's counts.
    package func table() -> [(key: Int64, next: [Candidate])] {
        counts.keys.sorted().compactMap { key in
            let next = counts[key]!
            let total = next.values.reduce(0) { $0 + Int($1) }
            guard key >> 32 == 0 || total >= TransitionCounter.fewestOfPair else { return nil }
            let best = next.sorted { $0.value != $1.value ? $0.value > $1.value : $0.key < $1.key }
            return (
                key,
                best.prefix(TransitionCounter.nextKept).map {
                    Candidate(row: UInt32($0.key), score: Float($0.value) / Float(total), source: .transition)
                }
            )
        }
    }
}
