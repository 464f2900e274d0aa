import Postgres
import ResultTables

/// `nearline publish`: makes a built release the current one.
package struct PublishRelease {
    package var release: Int?
    /// Also where gates fail, and also a release that was left or rolled back.
    package var isForced: Bool
    package var reason: String?
    package var dryRun: Bool

    package init(release: Int?, isForced: Bool, reason: String?, dryRun: Bool) {
        self.release = release
        self.isForced = isForced
        self.reason = reason
        self.dryRun = dryRun
    }

    package func run(_ context: RunContext) throws -> Answer {
        let connection = try context.connectToSchema(isReadOnly: dryRun)
        let catalogue = ReleaseCatalogue(connection)
        let current = try catalogue.current()
        guard let row = try release.map({ try catalogue.release($0) }) ?? catalogue.newestValidated() else {
            guard let current else { throw ReleaseError.noRelease }
            return try nothingToDo(current, "and none waits", context, on: connection)
        }
        if row.release == current?.release { return try nothingToDo(row, "already", context, on: connection) }
        try check(row, catalogue)
        let before = current.map { "release \($0.release)" } ?? "nothing"
        if dryRun {
            return Answer(
                "would publish release \(row.release) (\(row.users) users) in place of \(before), if the gates let it pass",
                ["release": row.release])
        }
        let source = try context.source(on: connection)
        var served: String?
        try context.booked(on: connection, settings: "{}") { _, report in
            report.release = row.release
            served = try Publication(context, source: source, on: connection).publish(
                row, isForced: isForced, reason: reason)
        }
        return Answer(
            "release \(row.release) is current (\(row.users) users), in place of \(before)\(served ?? "")",
            ["release": row.release])
    }

    private func check(_ row: ReleaseRow, _ catalogue: ReleaseCatalogue) throws {
        guard !row.isPruned || row.state == "failed" else { throw ReleaseError.pruned(release: row.release) }
        if row.state == "rolled_back", !isForced {
            throw ReleaseError.rolledBack(
                release: row.release, reason: try catalogue.reason(of: row), isPruned: row.isPruned)
        }
        let allowed = isForced ? ["validated", "superseded", "rolled_back"] : ["validated"]
        guard allowed.contains(row.state) else { throw ReleaseError.notBuilt(release: row.release, state: row.state) }
    }

    /// The pointer stands; what a killed publication left undone behind it is done.
    private func nothingToDo(
        _ current: ReleaseRow, _ why: String, _ context: RunContext, on connection: Connection
    ) throws -> Answer {
        let served = dryRun ? nil : try context.snapshots?.follow(current, on: connection)
        return Answer(
            "nothing to do: release \(current.release) is current \(why)\(served ?? "")", ["release": current.release])
    }
}
