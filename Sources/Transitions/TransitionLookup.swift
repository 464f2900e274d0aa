/// Whose counts an answer rests on: the longest key that was seen.
package enum TransitionBasis: Int, Comparable, Sendable, CaseIterable {
    case everybody = 0
    case latest = 1
    case pair = 2
    case triple = 3

    package static func < (a: TransitionBasis, b: TransitionBasis) -> Bool { a.rawValue < b.rawValue }

    package var label: String { "\(self)" }
}

/// What comes next after the clusters that a user was in, for any user.
package struct NextClusters: Equatable, Sendable {
    /// The longest key that was seen; nil where the table is empty.
    package var basis: TransitionBasis?
    /// Oldest first: the known clusters at the end of the history that make the key. None of them is a candidate.
    package var key: [Int32]
    /// Times that the key of the basis was seen.
    package var support: Int
    package var candidates: [Candidate]

    package struct Candidate: Equatable, Sendable {
        package var successor: TransitionSuccessor
        /// The key after which the cluster was seen; its support and trend are those under that key.
        package var basis: TransitionBasis
    }
}

extension TransitionTable {
    /// The most probable next clusters for a user, whatever the history.
    ///
    /// The key is the longest end of the history whose clusters are known, with neighbours that are equal taken as one,
    /// and distinct, up to the key length; an unknown cluster ends it, an empty one is everybody. Clusters that were not
    /// seen after the key come in with their probability after shorter ones. Exact for up to
    /// ``TransitionSettings/successors``; beyond it, those that the table left out have their place by a shorter key.
    ///
    /// - Parameter history: clusters, oldest first; a number that is no cluster is an unknown one.
    package func next(after history: some BidirectionalCollection<Int32>, count: Int) -> NextClusters {
        let key = key(endOf: history)
        var rest = key[...], factor = 1.0, answer = NextClusters(basis: nil, key: key, support: 0, candidates: [])
        var taken = Set(key)
        while true {
            if let place = place(of: TransitionKey(rest, scene: scene)) {
                let basis = TransitionBasis(rawValue: rest.count)!
                if answer.basis == nil { (answer.basis, answer.support) = (basis, support(place)) }
                for at in range(place) {
                    var next = successor(at)
                    guard taken.insert(next.cluster).inserted else { continue }
                    next.probability = Float(Double(next.probability) * factor)
                    answer.candidates.append(NextClusters.Candidate(successor: next, basis: basis))
                }
                factor *= backOff(place)
            } else if let dropped = rest.first {
                // Nothing is known of this key but that its oldest cluster is not what comes next.
                factor /= max(.leastNormalMagnitude, 1 - probability(of: dropped, after: rest.dropFirst()))
            }
            guard !rest.isEmpty else { break }
            rest = rest.dropFirst()
        }
        answer.candidates.sort(by: NextClusters.Candidate.comesFirst)
        answer.candidates.removeLast(max(0, answer.candidates.count - count))
        return answer
    }

    /// The probability of a cluster after a key; the clusters outside the key sum to one where no successor was cut.
    ///
    /// - Parameter key: oldest first, distinct clusters of the table, key length at most.
    package func probability(of cluster: Int32, after key: ArraySlice<Int32>) -> Double {
        let place = place(of: TransitionKey(key, scene: scene))
        if let place, let at = range(place).first(where: { successor($0).cluster == cluster }) {
            return Double(successor(at).probability)
        }
        guard let dropped = key.first else { return (place.map(backOff) ?? 1) / Double(clusters) }
        let rest = key.dropFirst(), lower = probability(of: cluster, after: rest)
        return place.map { backOff($0) * lower } ?? lower / (1 - probability(of: dropped, after: rest))
    }

    private func key(endOf history: some BidirectionalCollection<Int32>) -> [Int32] {
        var key: [Int32] = []
        for cluster in history.reversed() where key.last != cluster {
            guard cluster >= 0, cluster < clusters, !key.contains(cluster), key.count < settings.keyLength else {
                break
            }
            key.append(cluster)
        }
        return key.reversed()
    }
}

extension NextClusters.Candidate {
    fileprivate static func comesFirst(_ a: Self, _ b: Self) -> Bool {
        let (a, b) = (a.successor, b.successor)
        return a.probability != b.probability ? a.probability > b.probability : a.cluster < b.cluster
    }
}
