import Glibc

/// Writes a CSV file (RFC 4180, LF) beside its place and moves it there when it is whole and on disk.
final class CSVWriter {
    private static let flushAt = 1 << 20

    private let path: String
    private let pathBeside: String
    private var descriptor: Int32
    private var buffer: [UInt8] = []

    init(path: String) throws(SimulationError) {
        self.path = path
        pathBeside = "\(path).\(getpid()).partial"
        descriptor = open(pathBeside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw failure() }
    }

    /// Removes what was begun and not finished.
    deinit {
        guard descriptor >= 0 else { return }
        close(descriptor)
        unlink(pathBeside)
    }

    func write(_ fields: [String]) throws(SimulationError) {
        for (index, field) in fields.enumerated() {
            if index > 0 { buffer.append(UInt8(ascii: ",")) }
            append(field)
        }
        buffer.append(UInt8(ascii: "\n"))
        if buffer.count >= CSVWriter.flushAt { try flush() }
    }

    func finish() throws(SimulationError) {
        try flush()
        guard fsync(descriptor) == 0, rename(pathBeside, path) == 0 else { throw failure() }
        close(descriptor)
        descriptor = -1
    }

    private func append(_ field: String) {
        let needsQuotes = field.utf8.contains { [UInt8(ascii: ","), UInt8(ascii: "\""), 0x0A, 0x0D].contains($0) }
        guard needsQuotes else { return buffer.append(contentsOf: field.utf8) }
        buffer.append(UInt8(ascii: "\""))
        for byte in field.utf8 {
            if byte == UInt8(ascii: "\"") { buffer.append(byte) }
            buffer.append(byte)
        }
        buffer.append(UInt8(ascii: "\""))
    }

    private func flush() throws(SimulationError) {
        var written = 0
        while written < buffer.count {
            let count = buffer.withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress! + written, $0.count - written)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure() }
            written += count
        }
        buffer.removeAll(keepingCapacity: true)
    }

    private func failure() -> SimulationError {
        .notWritten(path: path, reason: String(cString: strerror(errno)))
    }
}
