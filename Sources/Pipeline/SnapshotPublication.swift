import Foundation
import Postgres
import ResultTables
import Snapshots

/// The snapshot files of the releases, in the folder that `--snapshot` names, and the link that says which is served.
struct SnapshotPublication {
    let folder: SnapshotFolder
    let context: RunContext

    /// Writes the file of a release, unless it is there, and reads every record of it back.
    ///
    /// - Returns: the file, and whether it was written now.
    @discardableResult
    func write(_ release: ReleaseRow, on connection: Connection) throws -> (snapshot: Snapshot, isNew: Bool) {
        let export = SnapshotExport(connection), facts = try export.facts(of: release.release)
        if let there = try? folder.open(release.release), there.facts == facts, (try? there.verify()) != nil {
            return (there, false)
        }
        try makeRoom(for: release)
        _ = try context.stage("writing the snapshot") {
            try export.write(release.release, into: folder) { users in
                try context.safePoint()
                context.progress(users, "users", fraction: Double(users) / Double(max(release.users, 1)))
            }
        }
        let snapshot = try folder.open(release.release)
        try context.stage("verifying the snapshot") { try snapshot.verify() }
        return (snapshot, true)
    }

    /// Lets the link name the file of the release that is current, which is written where it is missing: also what a run
    /// that was killed between the pointer and the link left undone.
    ///
    /// - Returns: what to tell people; nil where nothing was to be done.
    func follow(_ release: ReleaseRow, on connection: Connection) throws -> String? {
        var (snapshot, isNew) = try write(release, on: connection)
        // While the pointer is held nobody moves it, and of two that follow it one waits.
        try connection.transaction(doing: "linking the snapshot") {
            let current = try connection.execute(
                "SELECT release FROM nearline.current_release FOR NO KEY UPDATE", doing: "holding the pointer"
            ).first?.int("release")
            // Whoever has moved it meanwhile lets the link follow.
            guard current == release.release, (try? folder.current()) != release.release else { return }
            try folder.follow(release.release)
            isNew = true
        }
        guard isNew else { return nil }
        return "; snapshot \(SnapshotFolder.fileName(release.release)), \(sizeText(snapshot.byteCount))"
    }

    /// ``follow(_:on:)`` behind a pointer that has moved: a failure does not mean that nothing was done, and says so.
    func followMoved(_ release: ReleaseRow, on connection: Connection) throws -> String? {
        do {
            return try follow(release, on: connection)
        } catch {
            throw SnapshotNotFollowed(release: release.release, reason: error)
        }
    }

    /// Removes the files of releases that are no longer there, and half-written ones.
    func sweep(keeping releases: [ReleaseRow]) throws -> [String] {
        guard FileManager.default.fileExists(atPath: folder.path) else { return [] }
        var removed = try folder.removePartials()
        let kept = Set(releases.map(\.release)), served = try? folder.current()
        for number in try folder.list() where !kept.contains(number) && number != served {
            if try folder.remove(number) { removed.append(SnapshotFolder.fileName(number)) }
        }
        return removed
    }

    private func makeRoom(for release: ReleaseRow) throws {
        do {
            try FileManager.default.createDirectory(atPath: folder.path, withIntermediateDirectories: true)
        } catch {
            throw JobError.unwritable(path: folder.path, reason: error.localizedDescription)
        }
        // 32 bytes a user for key and index, 24 an item.
        let needed = release.payloadBytes + 32 * release.users + 24 * release.items
        if let free = DiskSpace.free(at: folder.path), free < needed {
            throw JobError.noRoom(
                what: "the snapshot of release \(release.release)", needed: needed, free: free, at: folder.path)
        }
    }
}

/// The release is current in the database, and its snapshot is not served.
struct SnapshotNotFollowed: Error, CustomStringConvertible {
    let release: Int
    let reason: any Error

    var description: String {
        "release \(release) is current, but its snapshot is not served yet: \(reason); then run nearline publish again"
    }
}

extension RunContext {
    /// nil where no folder is set.
    var snapshots: SnapshotPublication? {
        let path = settings.text("snapshots")
        return path.isEmpty ? nil : SnapshotPublication(folder: SnapshotFolder(path), context: self)
    }
}
