import Postgres
import ResultTables

/// The last steps of a release, by whatever command: gates, snapshot, canary, and then the one row that moves.
struct Publication {
    let context: RunContext
    let connection: Connection

    init(_ context: RunContext, on connection: Connection) {
        self.context = context
        self.connection = connection
    }

    /// - Returns: what to tell people beside the release; nil where there is nothing.
    func publish(_ release: ReleaseRow, isForced: Bool = false, reason: String? = nil) throws -> String? {
        try context.snapshots?.write(release, on: connection)
        return try context.stage("publishing") {
            try ReleaseSwitch(connection).publish(release.release, reason: reason, isForced: isForced)
            return try context.snapshots?.follow(release, on: connection)
        }
    }
}
