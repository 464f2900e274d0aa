import Domain
import Histories
import Ledger
import Model
import Postgres
import ResultTables

/// Makes the lists of given users from the events up to an instant, by the model of a release.
struct UserLists {
    let context: RunContext
    let source: EventSource
    let maker: CandidateMaker
    let reader: Connection
    let asOf: Instant

    /// - Parameter release: whose model's rows the lists speak of.
    init(
        _ release: ReleaseRow, asOf: Instant, _ context: RunContext, _ source: EventSource, on connection: Connection
    ) throws {
        guard let row = try ModelRegistry(connection).named(release.model) else { throw JobError.noModel(asOf: nil) }
        let artifact = try ModelArtifact(path: row.file)
        reader = try context.connect("reader")
        let denied = try ExclusionReader(source, vocabulary: artifact.vocabulary).forEverybody(on: reader)
        maker = try CandidateMaker(
            artifact, excluded: denied, kept: release.candidatesPerUser, pool: context.pool)
        (self.context, self.source, self.asOf) = (context, source, asOf)
    }

    /// The lists of those who have done something with a known item; the others are answered the popular one.
    func make(_ users: [ExternalID]) throws -> [(user: ExternalID, list: [Candidate])] {
        var histories = HistoryReader(
            source, vocabulary: maker.artifact.vocabulary, settings: context.historySettings, asOf: asOf.text,
            now: context.now)
        var found: [(user: ExternalID, history: TokenHistory)] = []
        let exclusions = ExclusionReader(source, vocabulary: maker.artifact.vocabulary)
        let excluded = try reader.transaction(.readOnlySnapshot, doing: "reading \(users.count) users") {
            try histories.read(on: reader, users: UserRange(only: users)) { user, history in
                try context.safePoint()
                if !history.rows.isEmpty { found.append((user, history)) }
            }
            return try exclusions.forUsers(found.map(\.user), on: reader)
        }
        guard !found.isEmpty else { return [] }
        let lists = try maker.lists(
            found.map(\.history),
            requests: found.map { CandidateMaker.request(at: asOf.seconds, after: $0.history) }, excluded: excluded)
        return zip(found, lists).map { ($0.user, $1) }
    }
}
