import Domain
import Foundation
import Histories
import Ledger
import Model
import Postgres
import ResultTables

/// `nearline work`: helps another process, here or on another host, to make the lists of its release, or of its days' one after
/// the other.
package struct WorkOnRun {
    package var run: Int
    /// This process's part of what the run may make in a second, where it is held to a rate.
    package var usersPerSecond: Double?

    package init(run: Int, usersPerSecond: Double? = nil) {
        self.run = run
        self.usersPerSecond = usersPerSecond
    }

    private struct Made: Encodable {
        var run: Int
        var releases: [Int] = []
        var shards = 0
        var users = 0
    }

    package func run(_ context: RunContext) throws -> Answer {
        let connection = try context.connectToSchema()
        let history = RunHistory(connection), joined = try history.joinable(run)
        let context = try context.taking(joined.settings, of: run)
        context.pace = try BackfillPace(of: joined, run: run, ownUsersPerSecond: usersPerSecond).begin(context)
        let heartbeat = try Heartbeat(run: run, renewsRun: false, context)
        context.heartbeat = heartbeat
        let watchdog = Watchdog(RunLimits(context.settings), context.activity, context)
        context.watchdog = watchdog
        defer {
            heartbeat.end()
            watchdog.end()
        }
        var made = Made(run: run), next: JoinableRun? = joined
        while let joined = next {
            let (shards, users) = try help(joined, context, on: connection)
            made.releases.append(joined.release)
            made.shards += shards
            made.users += users
            next = try awaitNext(after: joined, history, context)
        }
        let releases = made.releases.count == 1 ? "release \(made.releases[0])" : "\(made.releases.count) releases"
        return Answer("made \(made.shards) shards with \(made.users) users of \(releases), for run \(run)", made)
    }

    /// The next day of a backfill; nil where the run has ended, or makes one release.
    private func awaitNext(
        after joined: JoinableRun, _ history: RunHistory, _ context: RunContext
    ) throws -> JoinableRun? {
        while true {
            switch try history.shared(by: run, after: joined) {
            case .over: return nil
            case .release(let next): return next
            case .later: try context.pause(seconds: 1)
            }
        }
    }

    private func help(
        _ joined: JoinableRun, _ context: RunContext, on connection: Connection
    ) throws -> (shards: Int, users: Int) {
        let source = try context.source(on: connection)
        let artifact = try model(joined.model, context, on: connection)
        let asOf = try Instant(joined.asOf, source: source, on: connection)
        let serveAt = try Instant(joined.serveAt, source: source, on: connection)
        let reader = try context.connect("reader")
        let denied = try ExclusionReader(source, vocabulary: artifact.vocabulary).forEverybody(on: reader)
        let writer = try ReleaseWriter(
            continuing: joined.release, userType: source.userType, itemType: source.itemType,
            items: artifact.vocabulary.count, run: run, takesOver: false, on: connection)
        let maker = try context.stage("preparing item vectors") {
            try CandidateMaker(
                artifact, excluded: denied, kept: context.settings.int("candidates"),
                cap: ListRules(context.settings).cap(artifact.vocabulary), pool: context.pool)
        }
        let book = ShardBook(release: joined.release, worker: UUIDKey.random(), on: connection)
        do {
            return try context.stage("making lists") {
                try ShardMaker(
                    context: context, source: source, maker: maker, writer: writer, book: book, reader: reader,
                    storing: connection, asOf: asOf, serveAt: serveAt, run: run, reconnected: {}
                ).work()
            }
        } catch {
            _ = try? book.giveBack()
            throw error
        }
    }

    /// The run's model: what this host has under its name may be another one.
    private func model(_ name: String, _ context: RunContext, on connection: Connection) throws -> ModelArtifact {
        let artifact = try context.model(named: name, on: connection)
        guard try artifact.vocabulary.hash == ModelRegistry(connection).named(name)?.vocabularyHash else {
            throw LedgerError.notJoinable(run: run, reason: "this host's file of model \(name) is another one")
        }
        return artifact
    }
}
