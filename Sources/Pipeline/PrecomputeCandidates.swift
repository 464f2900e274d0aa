import Checksum
import Domain
import Foundation
import Histories
import Ledger
import Model
import Postgres
import ResultTables
import Transitions

/// `nearline precompute`: histories through the model to lists, and popular transitions, as one release.
///
/// Until the pointer moves, at the very end, readers see the old release; what a killed run leaves is dropped by the next.
package struct PrecomputeCandidates {
    package var asOf: String
    package var serveAt: String?
    package var modelFile: String?
    package var publishes: Bool
    package var again: Bool
    package var unlogged: Bool
    package var dryRun: Bool
    /// Processes that make lists, this one with them.
    package var workers: Int
    /// Fails where there is no unfinished release to go on with, and says why.
    package var mustResume: Bool
    /// Drops what an unfinished run has left, rather than going on with it.
    package var fromScratch: Bool

    package init(
        asOf: String, serveAt: String?, modelFile: String?, publishes: Bool, again: Bool, unlogged: Bool, dryRun: Bool,
        workers: Int = 1, mustResume: Bool = false, fromScratch: Bool = false
    ) {
        self.asOf = asOf
        self.serveAt = serveAt
        self.modelFile = modelFile
        self.publishes = publishes
        self.again = again
        self.unlogged = unlogged
        self.dryRun = dryRun
        self.workers = workers
        self.mustResume = mustResume
        self.fromScratch = fromScratch
    }

    private static let decisive =
        ["candidates", "gap-minutes", "tokens", "session-items", "shard-users"] + TransitionMaker.decisive

    package func run(_ context: RunContext) throws -> Answer {
        let connection = try context.connectToSchema()
        let source = try context.source(on: connection)
        let catalogue = ReleaseCatalogue(connection)
        let wish = try wish(context, source, catalogue, on: connection)
        let (facts, artifact, settings) = (wish.facts, wish.artifact, wish.settings)
        if dryRun { return try plan(facts, source, artifact, context) }
        if !again, let current = try catalogue.current(), current.settingsHash == facts.settingsHash {
            try catalogue.requireLists(of: current)
            let served = try context.snapshots?.follow(current, on: connection)
            return Answer(
                "nothing to do: release \(current.release) is current, made by \(facts.model) from these events\(served ?? "")",
                ["release": current.release])
        }
        if !again, let row = try catalogue.rolledBack(settingsHash: facts.settingsHash) {
            throw ReleaseError.rolledBack(
                release: row.release, reason: try catalogue.reason(of: row), isPruned: row.isPruned)
        }
        if !again, !publishes, let built = try catalogue.validated(settingsHash: facts.settingsHash) {
            return Answer(
                "nothing to do: release \(built.release) is built from this and waits for nearline publish",
                ["release": built.release])
        }
        try registerIfForeign(facts.model, artifact, on: connection)
        var answer: Answer?
        try context.booked(on: connection, settings: settings) { ledger, report in
            let pruner = ReleasePruner(connection)
            let left = try goOn(with: facts, pruner, catalogue, context)
            if !again, publishes, let built = try catalogue.validated(settingsHash: facts.settingsHash) {
                context.log.info(
                    "publishing the release that was built already", metadata: ["release": "\(built.release)"])
                report.release = built.release
                let served = try Publication(context, source: source, on: connection).publish(built)
                answer = summary(try catalogue.release(built.release), report, served)
                return
            }
            if left == nil {
                try DiskSpace.requireRoom(
                    forRelease: facts.candidatesPerUser,
                    users: DiskSpace.expectedUsers(events: source.names.events, on: connection), unlogged: unlogged,
                    context: context, on: connection)
            }
            let build = ReleaseBuild(
                context: context, source: source, artifact: artifact, facts: facts, asOf: wish.asOf,
                serveAt: wish.serveAt,
                fingerprint: wish.fingerprint, unlogged: unlogged, workers: workers, ledger: ledger,
                connection: connection)
            let release: Int
            do {
                release = try build.make(goingOnWith: left, &report)
            } catch {
                try? giveUp(report.release, because: error, pruner, connection)
                throw error
            }
            var served: String?
            if publishes {
                served = try Publication(context, source: source, on: connection).publish(
                    catalogue.release(release))
            }
            answer = summary(try catalogue.release(release), report, served)
        }
        return answer!
    }

    /// What a release is to be made from.
    private struct Wish {
        let asOf: Instant
        let serveAt: Instant
        let artifact: ModelArtifact
        let fingerprint: String
        let settings: String
        let facts: ReleaseFacts
    }

    /// What was asked for; where that is "now", and a run of the last hours that was asked the same has left a release
    /// that the same would make, its now.
    private func wish(
        _ context: RunContext, _ source: EventSource, _ catalogue: ReleaseCatalogue, on connection: Connection
    ) throws -> Wish {
        if asOf == "now", serveAt == nil, !fromScratch, let before = try catalogue.unfinishedInstant(askedAsOf: asOf) {
            let left = try wish(Instant(before, source: source, on: connection), context, source, on: connection)
            if try catalogue.unfinished().contains(where: { $0.settingsHash == left.facts.settingsHash }) {
                return left
            }
        }
        return try wish(Instant(asOf, source: source, on: connection), context, source, on: connection)
    }

    private func wish(
        _ asOf: Instant, _ context: RunContext, _ source: EventSource, on connection: Connection
    ) throws -> Wish {
        let serveAt = try serveAt.map { try Instant($0, source: source, on: connection) } ?? asOf
        let (model, artifact) = try context.model(file: modelFile, asOf: asOf, on: connection)
        guard artifact.vocabulary.itemType == source.itemType else {
            throw SourceError.itemTypeChanged(
                relation: source.names.events, found: source.itemType.rawValue,
                model: artifact.vocabulary.itemType.rawValue)
        }
        let print = try source.fingerprint(asOf: asOf.text, withExclusions: true, on: connection)
        let settings = context.settings.json(PrecomputeCandidates.decisive)
        let facts = ReleaseFacts(
            model: model, asOf: asOf.text, serveAt: serveAt.text,
            settingsHash: Checksum.name([settings, model, asOf.text, serveAt.text, print].joined(separator: "|")),
            candidatesPerUser: context.settings.int("candidates"),
            madeFrom: try madeFrom([
                "model": model, "as-of": asOf.text, "serve-at": serveAt.text, "settings": Checksum.name(settings),
                "events": print, "vocabulary": artifact.vocabulary.hash, "asked-as-of": self.asOf,
            ]))
        return Wish(
            asOf: asOf, serveAt: serveAt, artifact: artifact, fingerprint: print, settings: settings, facts: facts)
    }

    /// The unfinished release that this run goes on with; the others are dropped, and it is said why.
    private func goOn(
        with facts: ReleaseFacts, _ pruner: ReleasePruner, _ catalogue: ReleaseCatalogue, _ context: RunContext
    ) throws -> Int? {
        let parts = (try? JSONDecoder().decode([String: String].self, from: Data(facts.madeFrom.utf8))) ?? [:]
        let decision = ResumeDecision(
            try catalogue.unfinished(), settingsHash: facts.settingsHash, madeFrom: parts, unlogged: unlogged,
            beginsAnew: fromScratch)
        if mustResume, decision.goesOnWith == nil {
            throw JobError.nothingToResume(reasons: decision.discards.sorted { $0.key < $1.key }.map(\.value))
        }
        for (release, reason) in decision.discards.sorted(by: { $0.key < $1.key }) {
            _ = try pruner.discardUnfinished([release], reason: reason)
            context.log.info(
                "dropped an unfinished release", metadata: ["release": "\(release)", "reason": "\(reason)"])
        }
        if let release = decision.goesOnWith {
            let progress = try catalogue.shards(of: release)
            context.log.info(
                "going on with an unfinished release",
                metadata: ["release": "\(release)", "shards": "\(progress.shards)", "done": "\(progress.done)"])
        }
        return decision.goesOnWith
    }

    /// What failed for a reason that will be there again is dropped at once, so that a bad night costs no disk; what was
    /// stopped, or met a server that was away, is left for the next run to go on with.
    private func giveUp(
        _ release: Int?, because error: any Error, _ pruner: ReleasePruner, _ connection: Connection
    ) throws {
        let passing: [ExitCode] = [.databaseUnreachable, .heldOrLate, .fileFault]
        guard let release, StopSignal.shared.reason == nil, !passing.contains(ExitCode(for: error)) else {
            return
        }
        _ = try connection.reconnectIfLost()
        _ = try pruner.discardUnfinished([release], reason: "\(error)")
    }

    private func madeFrom(_ parts: [String: String]) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(parts), as: UTF8.self)
    }

    /// A model given as a file may come from another database: its release still needs its row.
    private func registerIfForeign(_ model: String, _ artifact: ModelArtifact, on connection: Connection) throws {
        guard let modelFile, try ModelRegistry(connection).named(model) == nil else { return }
        let row = ModelRow(
            model: model, file: URL(fileURLWithPath: modelFile).path, asOf: artifact.facts["as_of"] ?? "now",
            vocabularyHash: artifact.vocabulary.hash, itemType: artifact.vocabulary.itemType.rawValue)
        try ModelRegistry(connection).register(row, settings: "{}", figures: artifact.facts["figures"] ?? "{}")
    }

    private func plan(
        _ facts: ReleaseFacts, _ source: EventSource, _ artifact: ModelArtifact, _ context: RunContext
    ) throws -> Answer {
        let reader = try context.connect("reader")
        var users = 0
        var histories = HistoryReader(
            source, vocabulary: artifact.vocabulary, settings: context.historySettings, asOf: facts.asOf,
            now: context.now)
        try reader.transaction(.readOnlySnapshot, doing: "planning a release") {
            try histories.read(on: reader) { _, history in
                users += history.rows.isEmpty ? 0 : 1
                try context.safePoint()
            }
        }
        // From above: payloads of real lists take 3.1 to 3.4 bytes a candidate; 60 are a row's header, page and index share.
        let bytes = users * (60 + 4 * facts.candidatesPerUser)
        return Answer(
            "would make lists of \(facts.candidatesPerUser) for \(users) users with \(facts.model), as of \(facts.asOf), "
                + "served at \(facts.serveAt): about \(sizeText(bytes)); \(histories.refused.total) rows would be refused",
            ["users": users, "bytes": bytes, "refused": histories.refused.total])
    }

    private func summary(_ release: ReleaseRow, _ report: RunReport, _ served: String?) -> Answer {
        let perUser = release.users > 0 ? Double(release.payloadBytes) / Double(release.users) : 0
        let text = """
            release \(release.release) is \(release.state): \(release.users) users, lists of up to \
            \(release.candidatesPerUser), \(release.items) items, \(release.transitions) transition keys
            made by \(release.model), as of \(release.asOf), served at \(release.serveAt)
            \(sizeText(release.payloadBytes)) of lists, \(String(format: "%.0f", perUser)) bytes a user\(served ?? "")
            """
        return Answer(
            text,
            [
                "release": release.release, "users": release.users, "items": release.items,
                "transitions": release.transitions, "payload_bytes": release.payloadBytes,
            ])
    }
}
