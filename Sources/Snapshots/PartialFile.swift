import Glibc

/// A file that is written beside its place, under its name with `.partial`, and put there whole or not at all.
///
/// It holds a lock, so that of two writers of one name the second is told; a lock dies with its process, and what a
/// killed writer left is then replaced.
final class PartialFile {
    let path: String
    private(set) var byteCount = 0
    private let pathBeside: String
    private let descriptor: Int32
    private var buffer: [UInt8] = []
    private var state = State.open

    private enum State {
        case open, committed, abandoned
    }

    static let suffix = ".partial"
    private static let flushAt = 1 << 20

    init(path: String) throws(SnapshotWriteError) {
        self.path = path
        pathBeside = path + Self.suffix
        descriptor = try Self.openLocked(pathBeside)
        guard ftruncate(descriptor, 0) == 0 else {
            let error = Self.failure(pathBeside)
            close(descriptor)
            throw error
        }
        buffer.reserveCapacity(Self.flushAt + (1 << 16))
    }

    deinit {
        abandon()
        close(descriptor)
    }

    /// Removes what was written; the file can then only be let go.
    func abandon() {
        guard state == .open else { return }
        state = .abandoned
        unlink(pathBeside)
    }

    /// Opens and locks the file that has the name when the lock is held: another writer may have just renamed its own
    /// away.
    private static func openLocked(_ path: String) throws(SnapshotWriteError) -> Int32 {
        while true {
            let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o644)
            guard descriptor >= 0 else { throw failure(path) }
            guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
                let isHeld = errno == EWOULDBLOCK
                let error = failure(path)
                close(descriptor)
                throw isHeld ? .busy(path: path) : error
            }
            var held = stat()
            var named = stat()
            if fstat(descriptor, &held) == 0, lstat(path, &named) == 0, held.st_ino == named.st_ino {
                return descriptor
            }
            close(descriptor)
        }
    }

    func append(_ bytes: [UInt8]) throws(SnapshotWriteError) {
        try append { $0.append(contentsOf: bytes) }
    }

    /// Lets `body` append to the buffer.
    func append(_ body: (inout [UInt8]) -> Void) throws(SnapshotWriteError) {
        let before = buffer.count
        body(&buffer)
        byteCount += buffer.count - before
        if buffer.count >= Self.flushAt { try flush() }
    }

    func pad(to alignment: Int) throws(SnapshotWriteError) {
        while byteCount % alignment != 0 { try append([0]) }
    }

    func flush() throws(SnapshotWriteError) {
        try write(buffer, at: byteCount - buffer.count)
        buffer.removeAll(keepingCapacity: true)
    }

    /// Overwrites bytes that were flushed.
    func write(_ bytes: [UInt8], at offset: Int) throws(SnapshotWriteError) {
        var done = 0
        while done < bytes.count {
            let written = bytes.withUnsafeBytes {
                pwrite(descriptor, $0.baseAddress! + done, $0.count - done, off_t(offset + done))
            }
            if written < 0, errno == EINTR { continue }
            guard written > 0 else {
                let error = Self.failure(path)
                abandon()
                throw error
            }
            done += written
        }
    }

    /// Hands on everything written so far, as the file holds it.
    func withContents<T>(
        _ body: (UnsafeRawBufferPointer) throws(SnapshotWriteError) -> T
    ) throws(SnapshotWriteError) -> T {
        try flush()
        guard let start = mmap(nil, byteCount, PROT_READ, MAP_SHARED, descriptor, 0), start != MAP_FAILED else {
            throw Self.failure(pathBeside)
        }
        defer { munmap(start, byteCount) }
        return try body(UnsafeRawBufferPointer(start: start, count: byteCount))
    }

    /// Syncs the file, gives it its name, and syncs the folder, so that a power cut leaves the old file or the new one.
    func commit() throws(SnapshotWriteError) {
        precondition(state == .open, "a file that was abandoned is gone")
        try flush()
        guard fsync(descriptor) == 0, rename(pathBeside, path) == 0 else { throw Self.failure(path) }
        state = .committed
        try syncFolder(of: path)
    }

    static func failure(_ path: String) -> SnapshotWriteError {
        [ENOSPC, EDQUOT].contains(errno)
            ? .diskFull(path: path) : .unwritable(path: path, reason: String(cString: strerror(errno)))
    }
}

/// A rename has to survive a power cut too.
func syncFolder(of path: String) throws(SnapshotWriteError) {
    let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
    let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw PartialFile.failure(folder) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw PartialFile.failure(folder) }
}
