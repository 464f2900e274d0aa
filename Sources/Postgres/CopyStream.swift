/// The framing of a binary COPY: header, rows, trailer.
///
/// Source: PostgreSQL documentation, COPY, "Binary Format". The server starts a message for each row; the header
/// shares one with the first row or with the trailer, and several rows in one message are fine too.
package struct CopyStream: ~Copyable {
    private var row: CopyRow
    private var sawHeader = false
    private var sawTrailer = false
    private let doing: String

    package init(doing: String) {
        row = CopyRow(doing: doing)
        self.doing = doing
    }

    package var rowCount: Int { row.rowNumber }

    /// Hands on every row of one message.
    package mutating func take(_ message: UnsafeRawBufferPointer, row body: (inout CopyRow) throws -> Void) throws {
        row.enter(message, at: sawHeader ? 0 : try readHeader(message))
        while !row.isAtEndOfMessage {
            if sawTrailer { throw PostgresError.malformed("the COPY stream goes on after its end", doing: doing) }
            guard try row.begin() else {
                sawTrailer = true
                continue
            }
            try body(&row)
            try row.end()
        }
    }

    /// Throws unless the stream came to its proper end.
    package func finish() throws(PostgresError) {
        guard sawTrailer else { throw .malformed("the COPY stream ends after row \(rowCount), too soon", doing: doing) }
    }

    /// Where the first row starts.
    private mutating func readHeader(_ message: UnsafeRawBufferPointer) throws(PostgresError) -> Int {
        guard message.count >= 19, message.starts(with: CopyStream.signature) else {
            throw .malformed("this is not a binary COPY stream", doing: doing)
        }
        // The upper half of the flags changes the format; none is defined that we could ask for.
        let flags = UInt32(bigEndian: message.loadUnaligned(fromByteOffset: 11, as: UInt32.self))
        let extensionLength = Int(UInt32(bigEndian: message.loadUnaligned(fromByteOffset: 15, as: UInt32.self)))
        guard flags >> 16 == 0, extensionLength <= message.count - 19 else {
            throw .malformed("this binary COPY stream is of an unknown format", doing: doing)
        }
        sawHeader = true
        return 19 + extensionLength
    }

    static let signature: [UInt8] = Array("PGCOPY\n".utf8) + [0xff] + Array("\r\n".utf8) + [0]
}
