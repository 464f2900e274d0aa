import Domain
import Foundation
import Histories
import Ledger
import Model
import Postgres
import ResultTables

/// `nearline work`: helps another process, here or on another host, to make the lists of its release.
package struct WorkOnRun {
    package var run: Int

    package init(run: Int) { self.run = run }

    package func run(_ context: RunContext) throws -> Answer {
        let connection = try context.connectToSchema()
        let joined = try RunHistory(connection).joinable(run)
        let context = try context.taking(joined.settings, of: run)
        let source = try context.source(on: connection)
        let artifact = try model(joined.model, context, on: connection)
        let asOf = try Instant(joined.asOf, source: source, on: connection)
        let serveAt = try Instant(joined.serveAt, source: source, on: connection)
        let reader = try context.connect("reader"), worker = UUIDKey.random()
        let denied = try ExclusionReader(source, vocabulary: artifact.vocabulary).forEverybody(on: reader)
        let writer = try ReleaseWriter(
            continuing: joined.release, userType: source.userType, itemType: source.itemType,
            items: artifact.vocabulary.count, run: run, takesOver: false, on: connection)
        let maker = try context.stage("preparing item vectors") {
            try CandidateMaker(
                artifact, excluded: denied, kept: context.settings.int("candidates"), pool: context.pool)
        }
        let book = ShardBook(release: joined.release, worker: worker, on: connection)
        let heartbeat = try Heartbeat(run: run, renewsRun: false, context)
        context.heartbeat = heartbeat
        let watchdog = Watchdog(RunLimits(context.settings), context.activity, context)
        context.watchdog = watchdog
        defer {
            heartbeat.end()
            watchdog.end()
        }
        do {
            let made = try context.stage("making lists") {
                try ShardMaker(
                    context: context, source: source, maker: maker, writer: writer, book: book, reader: reader,
                    storing: connection, asOf: asOf, serveAt: serveAt, run: run, reconnected: {}
                ).work()
            }
            return Answer(
                "made \(made.shards) shards with \(made.users) users of release \(joined.release), for run \(run)",
                ["run": run, "release": joined.release, "shards": made.shards, "users": made.users])
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
