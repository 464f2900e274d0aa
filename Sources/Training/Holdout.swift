import Domain

/// The newest sessions of a tenth of the users, kept out of training to tell when to stop.
///
/// Only a tenth of the users, because the newest day is the one that the lists need most.
package struct Holdout {
    /// What is left to train on, and what each session of it weighs.
    package private(set) var training: [TokenHistory] = []
    /// Whole histories of held-out users and, per session, whether it was held out.
    private(set) var histories: [TokenHistory] = []
    private(set) var isTarget: [[Bool]] = []
    /// Where each held-out user stands in the corpus, and in ``training``.
    private(set) var places: [Int] = []
    /// Sessions of each user of the corpus, held out or not.
    let lengths: [Int]
    package private(set) var targets = 0
    private(set) var days = 0

    /// Takes the last day; the last week or month where the day has too few sessions; nothing where they have too few too.
    package init(_ corpus: TrainingCorpus, asOf: Int64, isWanted: Bool) {
        lengths = corpus.histories.map(\.sessions.count)
        for days in isWanted ? [1, 7, 30] : [] {
            split(corpus, from: asOf - Int64(days) * 86_400)
            self.days = days
            if targets >= Holdout.fewest { return }
        }
        training = corpus.histories
        (histories, isTarget, places, targets, days) = ([], [], [], 0, 0)
    }

    private static let fewest = 100

    /// The held-out users' histories as they are ranked by, and which of their sessions were held out.
    ///
    /// - Parameters:
    ///   - tokens: of a user's newest sessions.
    ///   - anchors: of the whole corpus; they stand where they would for a list, with what is known before the first session
    ///     that was held out, or the first that has any. nil for none.
    ///   - scene: that of anchors.
    package func asked(
        tokens: Int, anchors: SessionAnchors?, scene: Int32
    ) -> (histories: [TokenHistory], isTarget: [[Bool]]) {
        var histories = histories.map { $0.newest(budget: tokens) }
        var isTarget = zip(isTarget, histories).map { Array($0.suffix($1.sessions.count)) }
        guard let anchors else { return (histories, isTarget) }
        for (user, place) in places.enumerated() {
            let last = isTarget[user].count - 1
            let found = isTarget[user].indices.map { anchors.of(place, fromEnd: last - $0) }
            guard let next = isTarget[user].indices.first(where: { isTarget[user][$0] && !found[$0].isEmpty }) else {
                continue
            }
            histories[user] = histories[user].withAnchors(found[next], scene: scene, before: next)
            isTarget[user].insert(false, at: next)
        }
        return (histories, isTarget)
    }

    private mutating func split(_ corpus: TrainingCorpus, from begin: Int64) {
        (training, histories, isTarget, places, targets) = ([], [], [], [], 0)
        for (history, hash) in zip(corpus.histories, corpus.hashes) {
            let kept = history.sessions(upTo: begin)
            guard hash % 10 == 3, kept < history.sessions.count, kept > 0 else {
                training.append(history)
                continue
            }
            places.append(training.count)
            training.append(history.prefix(kept))
            histories.append(history)
            isTarget.append((0..<history.sessions.count).map { $0 >= kept })
            targets += history.sessions.count - kept
        }
    }
}
