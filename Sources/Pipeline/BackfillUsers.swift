import Checksum
import Domain
import Histories
import Ledger
import Postgres
import ResultTables

/// `nearline backfill --users` and `--where`: some users' lists as of now, into the overlay of what is served.
package struct BackfillUsers {
    package var choice: UserChoice
    package var pace: BackfillPace
    package var dryRun: Bool

    package init(choice: UserChoice, pace: BackfillPace, dryRun: Bool) {
        (self.choice, self.pace, self.dryRun) = (choice, pace, dryRun)
    }

    private struct Facts: Encodable {
        var release: Int
        var users: Int
        var lists = 0
        var doneBefore = 0
    }

    /// Users of one transaction: a list of so many is read, made and stored at a time.
    private static let usersPerChunk = 1024

    package func run(_ context: RunContext) throws -> Answer {
        let connection = try context.connectToSchema(isReadOnly: dryRun)
        let source = try context.source(on: connection)
        guard let release = try ReleaseCatalogue(connection).current() else { throw ReleaseError.noRelease }
        let users = try choice.users(of: source, limit: context.settings.int("overlay-users"), context)
        var facts = Facts(release: release.release, users: users.count)
        guard !users.isEmpty else { return Answer("nothing to do: nobody was asked for", facts) }
        let plan = try plan(users.count, release, on: connection)
        if dryRun { return Answer("would make \(plan)", facts) }
        context.log.info("plan", metadata: ["what": "\(plan)"])
        let hash = Checksum.name(
            ([release.settingsHash, "\(release.release)"] + users.map(\.description)).joined(separator: "\n"))
        try context.booked(on: connection, settings: context.settings.json(ReleaseWish.decisive)) { ledger, report in
            context.pace = try pace.begin(context)
            let asOf = try instant(hash, source, on: connection)
            try ledger.note(
                asOf: asOf.text, serveAt: asOf.text, model: release.model, configHash: hash, release: release.release)
            report.release = release.release
            let left = try remaining(users, release, asOf, on: connection)
            facts.doneBefore = users.count - left.count
            report.counts["users done before"] = facts.doneBefore
            report.counts["users"] = try store(
                left, release, asOf, context, source, ledger, on: connection)
            report.counts["users of whom nothing is known"] = left.count - report.counts["users", default: 0]
            facts.lists = report.counts["users", default: 0]
        }
        return Answer(
            "made \(facts.lists) lists for \(users.count) users in the overlay of release \(release.release)"
                + (facts.doneBefore > 0 ? ", \(facts.doneBefore) were there from the run that was cut short" : ""),
            facts)
    }

    private func plan(_ users: Int, _ release: ReleaseRow, on connection: Connection) throws -> String {
        let bytes = try DiskSpace.forecast(
            users: users, candidates: release.candidatesPerUser, unlogged: true, on: connection)
        let rate = [try RunHistory(connection).usersPerSecond(), pace.usersPerSecond].compactMap(\.self).min()
        return
            "lists of \(release.candidatesPerUser) for \(users) users with \(release.model) into the overlay of release "
            + "\(release.release), at most \(sizeText(bytes))"
            + (rate.map { ", about \(Int((Double(users) / $0).rounded(.up))) s" } ?? "")
    }

    /// Now; or that of a run of the last hours that was to do the same and was cut short.
    private func instant(_ hash: String, _ source: EventSource, on connection: Connection) throws -> Instant {
        let before = try RunHistory(connection).leftOff("backfill", configHash: hash)
        return try Instant(before ?? "now", source: source, on: connection)
    }

    /// Those whose lists in the overlay are not as new as this.
    private func remaining(
        _ users: [ExternalID], _ release: ReleaseRow, _ asOf: Instant, on connection: Connection
    ) throws -> [ExternalID] {
        let newer = try ReleaseCatalogue(connection).overlayUsers(of: release.release, since: asOf.text)
        return newer.isEmpty ? users : users.filter { !newer.contains($0.description) }
    }

    /// - Returns: how many lists were stored.
    private func store(
        _ users: [ExternalID], _ release: ReleaseRow, _ asOf: Instant, _ context: RunContext, _ source: EventSource,
        _ ledger: RunLedger, on connection: Connection
    ) throws -> Int {
        let reader = try context.connect("reader")
        let served = try ServedModel(release, source, context, on: reader)
        let refresh = try OverlayRefresh(served, source, context, storing: connection)
        var stored = 0
        try context.stage("making lists") {
            try inChunks(users, context) { chunk in
                let known = try reader.transaction(.readOnlySnapshot, doing: "reading \(chunk.count) users") {
                    try refresh.read(chunk, asOf: asOf, on: reader)
                }
                let new = try refresh.lists(of: known)
                // A process that was frozen beyond its lease stores nothing.
                let outcome = try refresh.store(new) { _ in try ledger.requireHeld() }
                guard outcome.turnedAway.isEmpty else {
                    throw JobError.overlayFull(release: release.release, users: outcome.users)
                }
                stored += new.lists.count
            }
        }
        return stored
    }

    /// Calls `store` with some users at a time, at the pace that was asked for.
    private func inChunks(
        _ users: [ExternalID], _ context: RunContext, _ store: ([ExternalID]) throws -> Void
    ) throws {
        // A slow pace is not kept by one burst and a long pause.
        let perChunk = min(Self.usersPerChunk, max(1, Int(pace.usersPerSecond ?? Double(Self.usersPerChunk))))
        for begin in stride(from: 0, to: users.count, by: perChunk) {
            try context.safePoint()
            try context.pace?.admit(context)
            let end = min(begin + perChunk, users.count)
            try store(Array(users[begin..<end]))
            context.progress(end, "users", fraction: Double(end) / Double(users.count), total: users.count)
            try context.pace?.made(end - begin, context)
        }
    }
}
