import Domain

/// The histories to train on, in memory: bounded by a budget of tokens whatever the number of users.
///
/// When the budget is passed, the sample of users is halved by their stable hash, again and again; which users stay
/// depends on nothing else, so the same events give the same corpus.
package struct TrainingCorpus: Sendable {
    package private(set) var histories: [TokenHistory] = []
    package private(set) var hashes: [UInt64] = []
    /// Of each history's sessions (``findAnchors``); empty where nobody asked for them.
    package internal(set) var anchors: [SessionAnchors] = []
    package private(set) var tokens = 0
    /// Users are kept whose hash is below this: `UInt64.max` means all.
    package private(set) var highestHash = UInt64.max
    package private(set) var usersSeen = 0
    private let budget: Int

    package init(tokenBudget: Int) { budget = tokenBudget }

    /// Those users of one of ten buckets who have a session after an instant. The bucket is drawn from another part of the hash
    /// than the users who are held out.
    package func bucket(_ bucket: Int, after instant: Int64) -> TrainingCorpus {
        var part = TrainingCorpus(tokenBudget: budget)
        for (place, hash) in hashes.enumerated()
        where hash / 10 % UInt64(Self.buckets) == bucket
            && histories[place].sessions.contains(where: { $0.startsAt > instant })
        {
            part.add(histories[place], hash: hash)
            if !histories[place].rows.isEmpty, !anchors.isEmpty { part.anchors.append(anchors[place]) }
        }
        return part
    }

    package static let buckets = 10

    package mutating func add(_ history: TokenHistory, hash: UInt64) {
        usersSeen += 1
        guard hash <= highestHash, !history.rows.isEmpty else { return }
        histories.append(history)
        hashes.append(hash)
        tokens += history.tokens
        while tokens > budget, histories.count > 1 {
            highestHash /= 2
            let kept = histories.indices.filter { hashes[$0] <= highestHash }
            histories = kept.map { histories[$0] }
            hashes = kept.map { hashes[$0] }
            tokens = histories.reduce(0) { $0 + $1.tokens }
        }
    }
}
