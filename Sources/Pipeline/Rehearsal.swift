import Baselines
import Blending
import Domain
import Model
import Retrieval
import Tensors
import Training

/// Makes lists as they would have been made some days ago, by a model of what was known then, and learns from what users did
/// next how the sources of a list are to be weighed.
///
/// A model of its own, as one that has seen the sessions in question would be believed too much.
struct Rehearsal {
    let vocabulary: Vocabulary
    /// What was known at the instant.
    private(set) var before: TrainingCorpus
    /// Users whose next session is known: the places of their histories in ``before``, and the rows of that session.
    private(set) var judged: [(user: Int, next: Set<Int32>)] = []
    /// Epoch seconds.
    let instant: Int64
    let days: Int

    /// The fewest of these days that hold enough users' next sessions; nights come daily, but so do not all users.
    private static let choices = [1, 2, 4, 7, 14, 30, 90]
    private static let enoughUsers = 1000

    /// nil where too few users have done anything twice.
    ///
    /// - Parameter mostUsers: of more, a sample by a hash is learned from.
    init?(_ corpus: TrainingCorpus, _ vocabulary: Vocabulary, asOf: Int64, mostUsers: Int) {
        self.vocabulary = vocabulary
        let counts = Self.choices.map { days in (days, Self.usersWithBoth(corpus, asOf - Int64(days) * 86_400)) }
        guard let most = counts.map(\.1).max(), min(most, mostUsers) >= BlendFit.fewestUsers,
            let chosen = counts.first(where: { $0.1 >= min(most, Self.enoughUsers) })
        else { return nil }
        days = chosen.0
        instant = asOf - Int64(days) * 86_400
        before = corpus.upTo(instant)
        var place = 0, found: [(user: Int, next: Set<Int32>, draw: UInt64)] = []
        for (history, hash) in zip(corpus.histories, corpus.hashes) {
            let known = history.sessions(upTo: instant)
            guard known > 0 else { continue }
            defer { place += 1 }
            let items = history.sessions.prefix(known).reduce(0) { $0 + Int($1.items) }
            guard let next = Self.next(history, sessions: known, items: items),
                history.actions[..<items].contains(where: { $0 > Action.impression.rawValue })
            else { continue }
            var draw = SeededGenerator(seed: hash)
            found.append((place, next, draw.next()))
        }
        judged = found.sorted { ($0.draw, $0.user) < ($1.draw, $1.user) }.prefix(mostUsers).map { ($0.user, $0.next) }
    }

    private static func usersWithBoth(_ corpus: TrainingCorpus, _ instant: Int64) -> Int {
        corpus.histories.reduce(0) { count, history in
            let begun = history.sessions(upTo: instant)
            return count + (begun > 0 && begun < history.sessions.count ? 1 : 0)
        }
    }

    /// The engaged items of the first session after the instant that has any.
    private static func next(_ history: TokenHistory, sessions known: Int, items: Int) -> Set<Int32>? {
        var begin = items
        for session in history.sessions[known...] {
            let range = begin..<begin + Int(session.items)
            begin = range.upperBound
            let rows = range.filter { history.actions[$0] > Action.impression.rawValue }.map { history.rows[$0] }
            if !rows.isEmpty { return Set(rows) }
        }
        return nil
    }

    /// Of what was known at the instant; nil where the model reads none.
    mutating func findAnchors(_ context: RunContext) throws -> AnchorTable? {
        try before.findAnchors(items: vocabulary.count, asOf: instant, context)
    }

    /// - Parameters:
    ///   - parameters: trained on ``before``.
    ///   - anchors: found in it; nil where the model reads none.
    func fit(
        _ parameters: ModelParameters, anchors: AnchorTable?, similarItems: Int, _ context: RunContext
    ) throws -> BlendFit {
        let tables = ItemTables(
            SessionLog(before, items: vocabulary.count, asOf: instant), similarItems: similarItems, pool: context.pool)
        // What came later was never trained, and nobody could have been offered it.
        var isKnown = [Bool](repeating: false, count: vocabulary.count)
        for history in before.histories { for row in history.rows { isKnown[Int(row)] = true } }
        let later = Set((0..<Int32(vocabulary.count)).filter { !isKnown[Int($0)] })
        let maker = try CandidateMaker(
            ModelArtifact(parameters: parameters, vocabulary: vocabulary, anchors: anchors, facts: [:]),
            blending: (tables, nil), excluded: later, kept: context.settings.int("candidates"), pool: context.pool)
        var fit = BlendFit()
        for begin in stride(from: 0, to: judged.count, by: Self.usersPerStep) {
            try context.safePoint()
            let users = judged[begin..<min(begin + Self.usersPerStep, judged.count)]
            let histories = users.map { before.histories[$0.user] }
            // Asked for the instant, as a nightly job asks: it does not know when they will come.
            let requests = histories.map { CandidateMaker.request(at: instant, after: $0) }
            fit.add(try maker.examples(histories, requests: requests, next: users.map(\.next), context))
        }
        return fit
    }

    private static let usersPerStep = 512
}

extension TrainingCorpus {
    /// The sessions that began by an instant, of users who had any.
    fileprivate func upTo(_ instant: Int64) -> TrainingCorpus {
        var before = TrainingCorpus(tokenBudget: .max)
        for (history, hash) in zip(histories, hashes) {
            before.add(history.prefix(history.sessions(upTo: instant)), hash: hash)
        }
        return before
    }
}

extension SessionLog {
    /// The engaged items of a corpus.
    init(_ corpus: TrainingCorpus, items: Int, asOf: Int64) {
        self.init(items: items, asOf: asOf)
        for history in corpus.histories { add(history.engaged) }
    }
}
