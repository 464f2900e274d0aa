import Domain

/// The newest sessions of a tenth of the users, kept out of training to tell when to stop.
///
/// Only a tenth of the users, because the newest day is the one that the lists need most.
struct Holdout {
    /// What is left to train on, and what each session of it weighs.
    private(set) var training: [TokenHistory] = []
    /// Whole histories of held-out users and, per session, whether it was held out.
    private(set) var histories: [TokenHistory] = []
    private(set) var isTarget: [[Bool]] = []
    /// Where each held-out user stands in the corpus, and in ``training``.
    private(set) var places: [Int] = []
    private(set) var targets = 0
    private(set) var days = 0

    /// Takes the last day; the last week or month where the day has too few sessions; nothing where they have too few too.
    init(_ corpus: TrainingCorpus, asOf: Int64, isWanted: Bool) {
        for days in isWanted ? [1, 7, 30] : [] {
            split(corpus, from: asOf - Int64(days) * 86_400)
            self.days = days
            if targets >= Holdout.fewest { return }
        }
        training = corpus.histories
        (histories, isTarget, places, targets, days) = ([], [], [], 0, 0)
    }

    private static let fewest = 100

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
