/// How often a user's next cluster, held out by time, is among the most probable ones: by the longest key that was seen,
/// by the latest cluster alone, and by everybody.
///
/// Only novel next clusters are asked for, and none of the three may answer with a cluster of the key, so that they
/// differ in nothing but the counts that they know.
package struct TransitionHitRate: Sendable {
    package private(set) var occurrences = 0
    /// Hits by what was asked.
    package private(set) var backOffHits = 0
    package private(set) var latestHits = 0
    package private(set) var everybodyHits = 0
    /// Occurrences and hits of back-off by the key that spoke.
    package private(set) var byBasis: [TransitionBasis: (occurrences: Int, hits: Int)] = [:]
    private let table: TransitionTable
    private let cut: Int64
    private let top: Int

    /// - Parameters:
    ///   - table: made from what was known at the cut.
    ///   - cut: microseconds since 1970; later occurrences are held out.
    package init(_ table: TransitionTable, after cut: Int64, top: Int = 5) {
        self.table = table
        self.cut = cut
        self.top = top
    }

    package var backOff: Double { rate(backOffHits) }
    package var latest: Double { rate(latestHits) }
    package var everybody: Double { rate(everybodyHits) }

    /// Asks for every held-out occurrence of one user.
    ///
    /// - Parameters:
    ///   - clusters: of all engaged events, in order; negative numbers are left out.
    ///   - times: microseconds since 1970.
    package mutating func add(clusters: Span<Int32>, times: Span<Int64>) {
        precondition(clusters.count == times.count, "every event has a cluster and a time")
        var key: [Int32] = []
        for i in clusters.indices where clusters[i] >= 0 && clusters[i] != key.last {
            if !key.isEmpty, times[i] > cut, !key.contains(clusters[i]) { ask(clusters[i], after: key) }
            key.append(clusters[i])
            if key.count > table.settings.keyLength { key.removeFirst() }
        }
    }

    package mutating func add(clusters: [Int32], times: [Int64]) { add(clusters: clusters.span, times: times.span) }

    private mutating func ask(_ next: Int32, after key: [Int32]) {
        occurrences += 1
        let answer = table.next(after: key, count: top)
        let isHit = answer.candidates.contains { $0.successor.cluster == next }
        if let basis = answer.basis {
            let before = byBasis[basis] ?? (0, 0)
            byBasis[basis] = (before.occurrences + 1, before.hits + (isHit ? 1 : 0))
        }
        backOffHits += isHit ? 1 : 0
        latestHits += hits(next, key.suffix(1), outside: key)
        everybodyHits += hits(next, [], outside: key)
    }

    private func hits(_ next: Int32, _ asked: ArraySlice<Int32>, outside key: [Int32]) -> Int {
        let answer = table.next(after: asked, count: top + key.count).candidates
        let allowed = answer.filter { !key.contains($0.successor.cluster) }.prefix(top)
        return allowed.contains { $0.successor.cluster == next } ? 1 : 0
    }

    private func rate(_ hits: Int) -> Double { occurrences > 0 ? Double(hits) / Double(occurrences) : 0 }
}
