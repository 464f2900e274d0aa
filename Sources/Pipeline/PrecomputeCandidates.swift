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

    package init(
        asOf: String, serveAt: String?, modelFile: String?, publishes: Bool, again: Bool, unlogged: Bool, dryRun: Bool
    ) {
        self.asOf = asOf
        self.serveAt = serveAt
        self.modelFile = modelFile
        self.publishes = publishes
        self.again = again
        self.unlogged = unlogged
        self.dryRun = dryRun
    }

    private static let usersPerStep = 1024
    private static let usersPerShard = 16_384
    private static let decisive =
        ["candidates", "gap-minutes", "tokens", "session-items"] + TransitionMaker.decisive

    package func run(_ context: RunContext) throws -> Answer {
        let connection = try context.connectToSchema()
        let source = try context.source(on: connection)
        let asOf = try Instant(asOf, source: source, on: connection)
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
            candidatesPerUser: context.settings.int("candidates"))
        if dryRun { return try plan(facts, source, artifact, context) }
        let catalogue = ReleaseCatalogue(connection)
        if !again, let current = try catalogue.current(), current.settingsHash == facts.settingsHash {
            try catalogue.requireLists(of: current)
            let served = try context.snapshots?.follow(current, on: connection)
            return Answer(
                "nothing to do: release \(current.release) is current, made by \(model) from these events\(served ?? "")",
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
        try registerIfForeign(model, artifact, on: connection)
        var answer: Answer?
        try context.booked(on: connection, settings: settings) { ledger, report in
            let pruner = ReleasePruner(connection)
            let dropped = try pruner.discardUnfinished(reason: "its run ended before it was whole")
            if !dropped.isEmpty {
                context.log.info("dropped unfinished releases", metadata: ["releases": "\(dropped)"])
            }
            if !again, publishes, let built = try catalogue.validated(settingsHash: facts.settingsHash) {
                context.log.info(
                    "publishing the release that was built already", metadata: ["release": "\(built.release)"])
                report.release = built.release
                let served = try Publication(context, source: source, on: connection).publish(built)
                answer = summary(try catalogue.release(built.release), report, served)
                return
            }
            try DiskSpace.requireRoom(
                forRelease: facts.candidatesPerUser,
                users: DiskSpace.expectedUsers(events: source.names.events, on: connection), unlogged: unlogged,
                context: context, on: connection)
            let writer = try ReleaseWriter(
                facts, userType: source.userType, itemType: source.itemType, items: artifact.vocabulary.count,
                unlogged: unlogged, on: connection)
            report.release = writer.release
            do {
                try fill(writer, source, artifact, asOf, serveAt, print, context, ledger, &report)
            } catch {
                // At once where that is possible, so that a failed night costs no disk; else the next run does it.
                _ = try? connection.reconnectIfLost()
                _ = try? pruner.discardUnfinished(reason: "\(error)")
                throw error
            }
            var served: String?
            if publishes {
                served = try Publication(context, source: source, on: connection).publish(
                    catalogue.release(writer.release))
            }
            answer = summary(try catalogue.release(writer.release), report, served)
        }
        return answer!
    }

    /// Reads, encodes, scores and writes, shard by shard; memory holds one shard.
    private func fill(
        _ writer: ReleaseWriter, _ source: EventSource, _ artifact: ModelArtifact, _ asOf: Instant, _ serveAt: Instant,
        _ fingerprint: String, _ context: RunContext, _ ledger: RunLedger, _ report: inout RunReport
    ) throws {
        let reader = try context.connect("reader"), other = try context.connect("exclusions")
        let vocabulary = artifact.vocabulary, kept = context.settings.int("candidates")
        let current = try ReleaseCatalogue(reader).current()
        let previous = try ClusterFinder.Previous(current, itemType: source.itemType, on: reader)
        var popular: [Candidate] = [], clusters: FoundClusters?
        try reader.transaction(.readOnlySnapshot, doing: "reading the events") {
            let snapshot = try reader.execute("SELECT pg_export_snapshot() AS name", doing: "sharing a snapshot")[0]
                .string("name")
            try other.transaction(.readOnlySnapshot, doing: "reading exclusions") {
                try other.execute(
                    "SET TRANSACTION SNAPSHOT \(Quote.literal(snapshot))", doing: "taking over a snapshot")
                let exclusions = ExclusionReader(source, vocabulary: vocabulary)
                let denied = try exclusions.forEverybody(on: other)
                guard denied.count < vocabulary.count else { throw JobError.everythingExcluded(items: denied.count) }
                let maker = try context.stage("preparing item vectors") {
                    try CandidateMaker(artifact, excluded: denied, kept: kept, pool: context.pool)
                }
                clusters = try context.stage("finding clusters") {
                    try ClusterFinder(context: context, source: source, connection: other).clusters(
                        of: vocabulary, vectors: maker.vectors.units.pointer,
                        width: artifact.parameters.settings.width, previous: previous)
                }
                var pass = ListPass(
                    maker: maker, writer: writer, exclusions: exclusions, connection: other,
                    popular: RecentPopularity(items: vocabulary.count, asOf: asOf.seconds), serveAt: serveAt.seconds)
                var histories = HistoryReader(
                    source, vocabulary: vocabulary, settings: context.historySettings, asOf: asOf.text, now: context.now
                )
                try context.stage("making lists") {
                    try histories.read(on: reader) { user, history in
                        try pass.add(user, history, step: Self.usersPerStep, shard: Self.usersPerShard) { users in
                            try context.safePoint()
                            context.progress(users, "users")
                        }
                    }
                    try pass.finish()
                }
                popular = pass.popular.list(vocabulary.count, excluded: denied)
                try writer.writeFallback(Array(popular.prefix(kept)))
                report.counts = [
                    "users": writer.users, "users without a known item": pass.withoutItems, "events": histories.events,
                    "events of unknown items": histories.unknownItems, "items": vocabulary.count,
                    "items excluded for everybody": denied.count, "short lists": pass.shortLists,
                    "payload bytes": writer.payloadBytes,
                ]
                try context.account(histories.refused, of: source, ledger, &report)
                guard writer.users > 0 else {
                    throw SourceError.noEvents(relation: source.names.events, asOf: asOf.text)
                }
            }
        }
        try context.stage("lists of excluded users") {
            try writeOwnFallbacks(writer, source, vocabulary, popular, kept, on: reader, &report)
        }
        let found = clusters!
        // Numbers mean the same clusters only where these are made the same way.
        let compared = previous?.source == found.items.source ? current : nil
        let build = try TransitionMaker(context: context, source: source).build(
            vocabulary.items, found, asOf,
            inputHash: TransitionMaker.inputHash(context.settings, fingerprint, asOf, knowsModelOnly: true),
            previous: compared.map {
                try TransitionCatalogue(release: $0.release, on: reader).successors(TransitionMaker.compared)
            } ?? [], &report)
        try context.stage("writing transitions") { try writer.write(build) }
        report.counts["transition keys"] = writer.transitions
        try context.stage("indexing and validating") {
            try writer.finish(vocabulary, clusterOfRow: found.items.clusterOfItem)
        }
    }

    /// Users without a model list who have exclusions of their own get the popular list without those items, as a list of
    /// their own: the list for everybody would show them what they are not to see.
    private func writeOwnFallbacks(
        _ writer: ReleaseWriter, _ source: EventSource, _ vocabulary: Vocabulary, _ popular: [Candidate], _ kept: Int,
        on connection: Connection, _ report: inout RunReport
    ) throws {
        var shard: [(user: ExternalID, list: [Candidate])] = []
        let before = writer.users
        try ExclusionReader(source, vocabulary: vocabulary).usersWithout(
            listIn: writer.candidateTable, on: connection
        ) { user, excluded in
            shard.append((user, Array(popular.lazy.filter { !excluded.contains(Int32($0.row)) }.prefix(kept))))
            guard shard.count >= Self.usersPerShard else { return }
            try writer.write(shard)
            shard.removeAll(keepingCapacity: true)
        }
        if !shard.isEmpty { try writer.write(shard) }
        report.counts["users with the popular list less their exclusions"] = writer.users - before
        report.counts["users"] = writer.users
        report.counts["payload bytes"] = writer.payloadBytes
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
