import CZlib
import Glibc

/// The bytes of a file or of standard input, unpacked where they are gzip: whole rows are somebody else's concern.
///
/// zlib looks at the magic bytes itself and passes anything that is not gzip through unchanged.
final class ByteSource {
    let path: String
    private let stream: gzFile
    private let packedByteCount: Int

    init(path: String) throws(ImportError) {
        let descriptor = path == "-" ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { throw .missingFile(path: path) }
            throw .notReadable(path: path, reason: String(cString: strerror(errno)))
        }
        var facts = stat()
        let known = fstat(descriptor, &facts) == 0
        let kind = facts.st_mode & S_IFMT
        if known, kind == S_IFDIR {
            close(descriptor)
            throw .notReadable(path: path, reason: "it is a directory; name a file in it")
        }
        guard let stream = gzdopen(descriptor, "rb") else {
            close(descriptor)
            throw .notReadable(path: path, reason: "out of memory")
        }
        gzbuffer(stream, 1 << 17)
        self.path = path
        self.stream = stream
        packedByteCount = known && kind == S_IFREG ? Int(facts.st_size) : 0
    }

    deinit { gzclose(stream) }

    /// Whether a look at the file leaves it whole for the next reader: not so for standard input and pipes.
    static func canBeReadTwice(path: String) -> Bool {
        guard path != "-" else { return false }
        var facts = stat()
        // A file that cannot be looked at is for `init` to complain about.
        guard stat(path, &facts) == 0 else { return true }
        return facts.st_mode & S_IFMT == S_IFREG || facts.st_mode & S_IFMT == S_IFDIR
    }

    /// How much of the file has been read, 0 to 1; nil for a pipe, whose end nobody knows.
    var fractionRead: Double? {
        guard packedByteCount > 0 else { return nil }
        return min(1, max(0, Double(gzoffset(stream)) / Double(packedByteCount)))
    }

    /// Fills as much of `target` as the source still has; 0 at its end.
    func read(into target: UnsafeMutablePointer<UInt8>, upTo capacity: Int) throws(ImportError) -> Int {
        errno = 0
        let count = gzread(stream, target, UInt32(capacity))
        let systemError = errno
        if count == Int32(capacity) { return capacity }
        var status: Int32 = Z_OK
        let message = gzerror(stream, &status).map { String(cString: $0) } ?? ""
        switch status {
        case Z_OK, Z_STREAM_END: break
        case Z_ERRNO: throw .notReadable(path: path, reason: String(cString: strerror(systemError)))
        case Z_BUF_ERROR: throw .corruptGzip(path: path, reason: "it ends too early")
        default: throw .corruptGzip(path: path, reason: reason(in: message))
        }
        return Int(count)
    }

    /// zlib puts "<fd:3>: " in front of its messages, which says nothing to the reader.
    private func reason(in message: String) -> String {
        guard message.hasPrefix("<fd:"), let colon = message.firstIndex(of: ">") else { return message }
        return String(message[colon...].drop { $0 == ">" || $0 == ":" || $0 == " " })
    }
}
