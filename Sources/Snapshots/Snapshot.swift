import Domain
import Glibc

/// A snapshot file in memory, read-only: one release for services that cannot afford a round trip.
///
/// Any number of threads may read it at once. The map stays valid when the file is renamed or removed; a file that
/// somebody shortens in place, which nothing of ours does, would end the process (SIGBUS), as with any memory map.
///
/// Sendable because nothing in it changes once it is open, and the bytes are mapped for reading only.
package final class Snapshot: @unchecked Sendable {
    package let path: String
    private let mapped: UnsafeRawBufferPointer
    private let device: UInt
    private let inode: UInt
    private let view: SnapshotView

    /// Opens a file and checks everything but the records: its identity, its length, and the checksum of each section.
    package init(path: String) throws(SnapshotError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw errno == ENOENT
                ? .missing(path: path) : .unreadable(path: path, reason: String(cString: strerror(errno)))
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            throw .unreadable(path: path, reason: String(cString: strerror(errno)))
        }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .notASnapshot(path: path) }
        guard status.st_size > 0 else {
            throw .wrongLength(path: path, stated: UInt64(SnapshotHeader.byteCount), found: 0)
        }
        let byteCount = Int(status.st_size)
        guard let start = mmap(nil, byteCount, PROT_READ, MAP_SHARED, descriptor, 0), start != MAP_FAILED else {
            throw .unreadable(path: path, reason: String(cString: strerror(errno)))
        }
        mapped = UnsafeRawBufferPointer(start: start, count: byteCount)
        do throws(SnapshotError) {
            view = try SnapshotView(mapped, path: path)
        } catch {
            munmap(start, byteCount)
            throw error
        }
        // Lookups are scattered: reading ahead would push out pages that other lookups need.
        madvise(start, byteCount, MADV_RANDOM)
        (self.path, device, inode) = (path, UInt(status.st_dev), UInt(status.st_ino))
    }

    deinit { munmap(UnsafeMutableRawPointer(mutating: mapped.baseAddress!), mapped.count) }

    package var facts: SnapshotFacts { view.facts }
    package var users: Int { view.users }
    package var items: Int { view.items.count }
    package var clusters: Int { view.clusters.count }
    package var transitions: Int { view.transitions.count }
    package var byteCount: Int { mapped.count }

    /// Hands the payload of a user to `body`, without copying it; `body` gets nil where the file has no such user.
    package func withPayload<T>(
        of user: ExternalID, _ body: (UnsafeRawBufferPointer?) throws -> T
    ) throws -> T {
        try withExtendedLifetime(self) { try body(payload(of: user)) }
    }

    /// The payload of a user, nil where the file has no such user; the bytes are there as long as this snapshot.
    package func payload(of user: ExternalID) throws(SnapshotError) -> UnsafeRawBufferPointer? {
        switch (facts.userType, user) {
        case (.bigint, .integer(let value)): return try find(value.bigEndian)
        case (.int, .integer(let value)):
            return try Int32(exactly: value).flatMap { (key) throws(SnapshotError) in
                try find(key.bigEndian)
            }
        case (.uuid, .uuid(let key)): return try find((key.high.bigEndian, key.low.bigEndian))
        case (.text, .text(let text)):
            return try text.utf8Span.span.bytes.withUnsafeBytes { (key) throws(SnapshotError) in
                try view.payload(of: key)
            }
        default: throw .wrongKeyType(path: path, users: facts.userType)
        }
    }

    private func find(_ key: some BitwiseCopyable) throws(SnapshotError) -> UnsafeRawBufferPointer? {
        try withUnsafeBytes(of: key) { (bytes) throws(SnapshotError) in try view.payload(of: bytes) }
    }

    /// The list of users who have none; nil where the release has no such list.
    package var fallback: UnsafeRawBufferPointer? { view.single(.fallback) }

    /// What payloads were compressed with; nil where the release has none.
    package var payloadDictionary: UnsafeRawBufferPointer? { view.single(.payloadDictionary) }

    /// What the clusters of this key are followed by, as a payload.
    package func transition(_ key: Int64) -> UnsafeRawBufferPointer? { view.transition(key) }

    /// The key of an item row; nil where the dictionary has no such row.
    package func item(_ row: Int) -> ExternalID? {
        view.item(row).flatMap { ExternalID(binary: $0, type: facts.itemType) }
    }

    /// Item keys by row in PostgreSQL's binary form, end to end, and where each ends where their widths vary; the bytes
    /// are there as long as this snapshot.
    package func itemKeys() throws(SnapshotError) -> (bytes: UnsafeRawBufferPointer, ends: [Int]) {
        try view.itemKeys()
    }

    package func clusterName(_ cluster: Int) -> String? {
        view.clusterName(cluster).flatMap { String(validating: $0, as: UTF8.self) }
    }

    /// Checks every record too: for a canary, before a new file is put to use.
    package func verify() throws(SnapshotError) { try view.verify() }

    /// Whether the file that `path` leads to now is this one; one `stat`.
    package func isAt(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && UInt(status.st_dev) == device && UInt(status.st_ino) == inode
    }
}
