import Glibc

/// A folder of snapshots, one file per release, and the link that says which of them to serve.
///
/// The link is replaced in one step, so that a reader finds the old file or the new one, whole. A reader that has a
/// file open keeps it, whatever happens to its name.
package struct SnapshotFolder: Sendable {
    package let path: String

    package init(_ path: String) { self.path = path }

    private var linkPath: String { path + "/current" + Self.suffix }

    private static let prefix = "release-"
    private static let suffix = ".nearline"

    package static func fileName(_ release: Int) -> String { "\(prefix)\(release)\(suffix)" }

    /// Where the file of this release is, or belongs.
    package func file(of release: Int) -> String { path + "/" + Self.fileName(release) }

    /// The releases that have a file, oldest first.
    package func list() throws(SnapshotError) -> [Int] { try names().compactMap(Self.release(in:)).sorted() }

    /// The release that the link names; nil where there is no link.
    package func current() throws(SnapshotError) -> Int? {
        guard let target = try linkTarget() else { return nil }
        guard let release = Self.release(in: target) else { throw .notASnapshot(path: linkPath) }
        return release
    }

    /// Opens the file of a release, and refuses one that holds another.
    package func open(_ release: Int) throws(SnapshotError) -> Snapshot {
        let snapshot = try Snapshot(path: file(of: release))
        guard snapshot.facts.release == release else {
            throw .otherRelease(path: snapshot.path, found: snapshot.facts.release)
        }
        return snapshot
    }

    /// Opens the file that the link names.
    package func openCurrent() throws(SnapshotError) -> Snapshot {
        guard var release = try current() else { throw .nothingPublished(folder: path) }
        while true {
            do throws(SnapshotError) {
                return try open(release)
            } catch {
                // The link has moved on and the file was removed, between our two looks.
                guard case .missing = error, let now = try current(), now != release else { throw error }
                release = now
            }
        }
    }

    /// Whether the link still leads to this snapshot: one `stat`, for services that look often.
    package func isCurrent(_ snapshot: Snapshot) -> Bool { snapshot.isAt(linkPath) }

    /// Lets the link name this release, whose file is opened first, so that it never names one that cannot be read.
    package func follow(_ release: Int) throws {
        _ = try open(release)
        // A name of its own, so that two that follow at once do not take each other's link.
        let beside =
            "\(path)/current-\(String(UInt64.random(in: 0...UInt64.max), radix: 16))\(Self.suffix)\(PartialFile.suffix)"
        var attempts = 0
        while true {
            attempts += 1
            if symlink(Self.fileName(release), beside) == 0, rename(beside, linkPath) == 0 { break }
            // Between the two calls a sweep took the link for a leftover: once more.
            if errno == ENOENT, attempts < 100 { continue }
            let error = PartialFile.failure(linkPath)
            unlink(beside)
            throw error
        }
        try syncFolder(of: linkPath)
    }

    /// Removes the file of a release that the link does not name; false where there was none.
    @discardableResult
    package func remove(_ release: Int) throws -> Bool {
        let file = file(of: release)
        guard try current() != release else { throw SnapshotWriteError.currentRelease(path: file) }
        guard unlink(file) == 0 else {
            if errno == ENOENT { return false }
            throw PartialFile.failure(file)
        }
        try syncFolder(of: file)
        return true
    }

    /// Removes what killed writers left, and nothing that a living one holds. Returns the names.
    @discardableResult
    package func removePartials() throws -> [String] {
        var removed: [String] = []
        for name in try names() where name.hasSuffix(Self.suffix + PartialFile.suffix) {
            let file = path + "/" + name
            // A link has no writer that could hold it.
            let descriptor = Glibc.open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
            defer { if descriptor >= 0 { close(descriptor) } }
            if descriptor >= 0, flock(descriptor, LOCK_EX | LOCK_NB) != 0 { continue }
            guard unlink(file) == 0 || errno == ENOENT else { throw PartialFile.failure(file) }
            removed.append(name)
        }
        return removed
    }

    private func linkTarget() throws(SnapshotError) -> String? {
        var target = [UInt8](repeating: 0, count: 4096)
        let length = target.withUnsafeMutableBytes {
            readlink(linkPath, $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count)
        }
        guard length >= 0 else {
            if errno == ENOENT { return nil }
            throw .unreadable(path: linkPath, reason: String(cString: strerror(errno)))
        }
        return String(decoding: target[..<length], as: UTF8.self)
    }

    private func names() throws(SnapshotError) -> [String] {
        guard let folder = opendir(path) else {
            throw errno == ENOENT
                ? .missing(path: path) : .unreadable(path: path, reason: String(cString: strerror(errno)))
        }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            names.append(
                withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                })
        }
        return names.sorted()
    }

    private static func release(in name: String) -> Int? {
        guard name.hasPrefix(prefix), name.hasSuffix(suffix) else { return nil }
        let number = name.dropFirst(prefix.count).dropLast(suffix.count)
        guard let release = Int(number), fileName(release) == name else { return nil }
        return release
    }
}
