import Postgres
import ResultTables
import Snapshots

/// The snapshot files that hold a user. A file is never changed: it is written anew without the user, and renamed.
struct SnapshotEraser {
    private let snapshots: SnapshotPublication
    private let connection: Connection

    init(_ snapshots: SnapshotPublication, on connection: Connection) {
        self.snapshots = snapshots
        self.connection = connection
    }

    /// The paths of the files that have a list of this user.
    func holding(_ user: String) throws -> [String] {
        try releases(holding: user).map(snapshots.folder.file(of:))
    }

    /// Behind the deletion from the tables, which the new files are written from. Readers open the new file when they
    /// next look, as after a publication.
    ///
    /// - Returns: the paths of the files that were written anew, or removed because their release is gone.
    func erase(_ user: String) throws -> [String] {
        let there = Set(try ReleaseCatalogue(connection).all(pruned: false).map(\.release))
        return try releases(holding: user).map { release in
            if there.contains(release) {
                _ = try SnapshotExport(connection).write(release, into: snapshots.folder) { _ in
                    try snapshots.context.safePoint()
                }
                try snapshots.folder.open(release).verify()
            } else {
                try snapshots.folder.remove(release)
            }
            return snapshots.folder.file(of: release)
        }
    }

    private func releases(holding user: String) throws -> [Int] {
        do {
            return try snapshots.folder.list().filter { try SnapshotLookup(snapshots.folder.open($0)).isOwn(user) }
        } catch SnapshotError.missing {
            return []
        }
    }
}
