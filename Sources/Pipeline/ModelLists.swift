import Domain
import Evaluation
import Histories
import Model
import Postgres

/// The lists of a model for judged users, from histories as a nightly job cuts them, in the catalogue's rows.
///
/// A model may be older than the split: items that came after it are in no list of its, and a user of whom it knows no
/// item gets none.
struct ModelLists {
    let artifact: ModelArtifact
    let set: EvaluationSet
    let split: HeldOutSplit
    let kept: Int
    /// For which instant lists are made: this one, in epoch seconds, or nil for that of the session that came next.
    let serveAt: Int64?
    /// Whether its lists are merged with other sources, as a release's are, or its own alone.
    let merges: Bool

    func lists(_ source: EventSource, on connection: Connection, _ context: RunContext) throws -> ListedMethod {
        let maker = try CandidateMaker(artifact, merges: merges, excluded: [], kept: kept, pool: context.pool)
        let places = Dictionary(uniqueKeysWithValues: set.judged.enumerated().map { ($1.user, $0) })
        let catalogue = artifact.vocabulary.items.map { set.vocabulary.row(of: $0) ?? Int32.max }
        var listed = ListedMethod(
            name: merges ? "merged" : "model", lists: set.judged.map { _ in [] }, novelLists: set.judged.map { _ in [] }
        )
        var waiting: [(place: Int, history: TokenHistory, request: PackedBatch.Request)] = []
        func make() throws {
            try context.safePoint()
            let histories = waiting.map(\.history), requests = waiting.map(\.request)
            let whole = try maker.lists(histories, requests: requests, excluded: waiting.map { _ in [] }, context)
            let novel = try maker.lists(
                histories, requests: requests, excluded: waiting.map { seen(set.judged[$0.place]) },
                context)
            for (i, user) in waiting.enumerated() {
                listed.lists[user.place] = whole[i].map { catalogue[Int($0.row)] }
                listed.novelLists[user.place] = novel[i].map { catalogue[Int($0.row)] }
            }
            waiting = []
        }
        var reader = HeldOutReader(
            source, vocabulary: artifact.vocabulary, settings: context.historySettings, split: split, now: context.now)
        try reader.read(on: connection) { user, history, next in
            guard let place = places[user] else { return }
            let request =
                serveAt.map { CandidateMaker.request(at: $0, after: history) }
                ?? PackedBatch.Request(time: next.startsAt, scene: next.scene)
            waiting.append((place, history, request))
            if waiting.count >= Self.usersPerStep { try make() }
        }
        if !waiting.isEmpty { try make() }
        return listed
    }

    private static let usersPerStep = 512

    /// Rows of the model for the items that a user has had.
    private func seen(_ user: JudgedUser) -> [Int32] {
        Set(user.history.rows).compactMap { artifact.vocabulary.row(of: set.vocabulary.items[Int($0)]) }
    }
}
