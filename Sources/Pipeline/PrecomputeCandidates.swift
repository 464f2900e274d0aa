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
    /// The day that it is for: then that day's beginning is the as-of instant, and it is made once.
    package var date: String?
    /// Says which days before it were missed.
    package var catchesUp: Bool

    package init(
        asOf: String, serveAt: String?, modelFile: String?, publishes: Bool, again: Bool, unlogged: Bool, dryRun: Bool,
        workers: Int = 1, mustResume: Bool = false, fromScratch: Bool = false, date: String? = nil,
        catchesUp: Bool = false
    ) {
        self.date = date
        self.catchesUp = catchesUp
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

    package func run(_ context: RunContext) throws -> Answer {
        let connection = try context.connectToSchema()
        let source = try context.source(on: connection)
        let catalogue = ReleaseCatalogue(connection)
        let dated = try date.map { try DatedRun($0, on: connection) }
        if !again, let dated, let answer = try nothingToDo(dated, catalogue, context, on: connection) { return answer }
        let wish = try wish(context, source, catalogue, dated?.date, on: connection)
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
        try ModelRegistry(connection).registerIfForeign(facts.model, artifact, file: modelFile)
        var answer: Answer?
        try context.booked(on: connection, settings: settings) { ledger, report in
            if let dated {
                try ledger.note(date: dated.date)
                // Somebody else may have made it between our look and our booking.
                answer = again ? nil : try nothingToDo(dated, catalogue, context, on: connection)
                guard answer == nil else { return }
                if catchesUp { try dated.tellMissed(&report, context) }
            }
            let unfinished = LeftReleases(context, on: connection)
            let left = try unfinished.goOn(
                with: facts, unlogged: unlogged, mustResume: mustResume, fromScratch: fromScratch)
            if !again, publishes,
                let built = try catalogue.validated(settingsHash: facts.settingsHash) ?? dated?.waiting()
            {
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
                try? unfinished.giveUp(report.release, because: error, on: connection)
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

    /// What was asked for; where that is "now", and a run of the last hours that was asked the same has left a release
    /// that the same would make, its now.
    private func wish(
        _ context: RunContext, _ source: EventSource, _ catalogue: ReleaseCatalogue, _ date: LogicalDate?,
        on connection: Connection
    ) throws -> ReleaseWish {
        let asked = date?.midnight ?? asOf
        if asked == "now", serveAt == nil, !fromScratch, let before = try catalogue.unfinishedInstant(askedAsOf: asked)
        {
            let left = try wish(Instant(before, source: source, on: connection), date, context, source, on: connection)
            if try catalogue.unfinished().contains(where: { $0.settingsHash == left.facts.settingsHash }) {
                return left
            }
        }
        return try wish(Instant(asked, source: source, on: connection), date, context, source, on: connection)
    }

    private func wish(
        _ asOf: Instant, _ date: LogicalDate?, _ context: RunContext, _ source: EventSource, on connection: Connection
    ) throws -> ReleaseWish {
        try ReleaseWish(
            asOf: asOf, serveAt: serveAt.map { try Instant($0, source: source, on: connection) } ?? asOf,
            context.model(file: modelFile, asOf: asOf, on: connection), asked: date?.midnight ?? self.asOf, date: date,
            context, source, on: connection)
    }

    /// A day is made once, whatever has come into the events since; nil where there is something to do.
    private func nothingToDo(
        _ dated: DatedRun, _ catalogue: ReleaseCatalogue, _ context: RunContext, on connection: Connection
    ) throws -> Answer? {
        guard let (release, why) = try dated.settled(publishes: publishes) else { return nil }
        var served: String?
        if release.state == "current" {
            try catalogue.requireLists(of: release)
            served = dryRun ? nil : try context.snapshots?.follow(release, on: connection)
        }
        return Answer("nothing to do: \(why) (--again makes the day anew)\(served ?? "")", ["release": release.release])
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
