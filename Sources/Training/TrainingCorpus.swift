import Domain

/// The histories to train on, in memory: bounded by a budget of tokens whatever the number of users.
///
/// When the budget is passed, the sample of users is halved by their stable hash, again and again; which users stay
/// depends on nothing else, so the same events give the same corpus.
package struct TrainingCorpus: Sendable {
    package private(set) var histories: [TokenHistory] = []
    package private(set) var hashes: [UInt64] = []
    /// Of the newest sessions, where somebody has asked for them: after the last history was added.
    package internal(set) var anchors: SessionAnchors?
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
        let places = histories.indices.filter { isOf(bucket, after: instant, $0) }
        for place in places { part.add(histories[place], hash: hashes[place]) }
        part.anchors = anchors?.keeping(places)
        return part
    }

    package static let buckets = 10

    /// Whether a user, by place, is of ``bucket(_:after:)``.
    package func isOf(_ bucket: Int, after instant: Int64, _ place: Int) -> Bool {
        hashes[place] / 10 % UInt64(Self.buckets) == bucket
            && histories[place].sessions.contains { $0.startsAt > instant }
    }

    package mutating func add(_ history: TokenHistory, hash: UInt64) {
        precondition(anchors == nil, "anchors are found when all histories are there")
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
