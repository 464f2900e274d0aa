#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// Bytes that did not fit into memory, in a file without a name: however the process ends, nothing is left of it.
///
/// One thread appends at a time; any number may read what was appended before.
package final class TemporaryFile: @unchecked Sendable {
    private let descriptor: Int32
    private let folder: String
    private(set) var byteCount = 0

    package init(in folder: String) throws(TemporaryFileError) {
        self.folder = folder
        // Not every file system makes files without a name.
        let nameless = open(folder, TemporaryFile.namelessFlags | O_RDWR | O_CLOEXEC, 0o600)
        descriptor = nameless >= 0 ? nameless : TemporaryFile.makeAndUnlink(in: folder)
        guard descriptor >= 0 else { throw TemporaryFileError(errno, folder: folder) }
    }

    deinit { close(descriptor) }

    /// Writes all bytes behind what is there, and says where they start.
    package func append(_ bytes: UnsafeRawBufferPointer) throws(TemporaryFileError) -> Int {
        let start = byteCount
        var done = 0
        while done < bytes.count {
            let written = unsafe pwrite(descriptor, bytes.baseAddress! + done, bytes.count - done, start + done)
            if written < 0 && errno == EINTR { continue }
            guard written > 0 else { throw TemporaryFileError(written < 0 ? errno : ENOSPC, folder: folder) }
            done += written
        }
        byteCount += bytes.count
        return start
    }

    /// Fills `bytes` with what was appended at `offset`.
    package func read(into bytes: UnsafeMutableRawBufferPointer, at offset: Int) throws(TemporaryFileError) {
        precondition(offset + bytes.count <= byteCount, "only what was appended can be read")
        var done = 0
        while done < bytes.count {
            let count = unsafe pread(descriptor, bytes.baseAddress! + done, bytes.count - done, offset + done)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw TemporaryFileError(count < 0 ? errno : EIO, folder: folder) }
            done += count
        }
    }

    /// `O_TMPFILE` of <fcntl.h>, a macro that Swift does not see.
    private static let namelessFlags = 0o20000000 | O_DIRECTORY

    private static func makeAndUnlink(in folder: String) -> Int32 {
        var path = Array("\(folder)/nearline-XXXXXX".utf8CString)
        let descriptor = unsafe path.withUnsafeMutableBufferPointer { unsafe mkstemp($0.baseAddress!) }
        if descriptor >= 0 { unlink(path) }
        return descriptor
    }
}

/// Why bytes could not be kept on disk for a while. Nothing that was there before has changed.
package struct TemporaryFileError: Error, Equatable, CustomStringConvertible {
    /// The system's own number, such as `ENOSPC`.
    package let code: Int32
    package let folder: String

    package init(_ code: Int32, folder: String) {
        self.code = code
        self.folder = folder
    }

    package var description: String {
        code == ENOSPC || code == EDQUOT
            ? "\(folder) has no room for what does not fit into memory; free some, name a folder with more, or allow more memory"
            : "\(folder) cannot hold temporary files (\(unsafe String(cString: strerror(code)))); name another folder"
    }
}
