import Glibc

/// A file that is there only while a test looks at it.
enum TemporaryFile {
    static func holding<Result>(
        _ bytes: some Sequence<UInt8>, _ body: (_ path: String) throws -> Result
    ) rethrows -> Result {
        let directory = getenv("TMPDIR").map { String(cString: $0) } ?? P_tmpdir
        var name = Array("\(directory)/nearline-import-XXXXXX".utf8CString)
        let descriptor = mkstemp(&name)
        precondition(descriptor >= 0, "no temporary file in \(directory)")
        let path = name.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
        defer { unlink(path) }
        let content = Array(bytes)
        precondition(write(descriptor, content, content.count) == content.count, "\(directory) is full")
        close(descriptor)
        return try body(path)
    }

    static func holding<Result>(_ text: String, _ body: (_ path: String) throws -> Result) rethrows -> Result {
        try holding(text.utf8, body)
    }
}
