import CLibPQ

/// Writes the rows of a binary COPY into a buffer that goes to the server whenever it is full.
///
/// A row with another number of fields than it announced is a mistake of ours and traps.
package struct CopyWriter: ~Copyable {
    /// Those that came laid out.
    private var rowsSent = 0
    private var rows = CopyRows()
    private let connection: Connection
    private let doing: String

    private static let flushAt = 128 << 10

    init(connection: Connection, doing: String) {
        self.connection = connection
        self.doing = doing
        rows.reserveBytes(Self.flushAt * 2)
        // Signature, flags, and the length of the header's extension.
        rows.append(framing: CopyStream.signature + [UInt8](repeating: 0, count: 8))
    }

    package var rowsWritten: Int { rows.count + rowsSent }

    /// Starts a row of `fields` fields, and sends what has gathered.
    package mutating func beginRow(fields: Int) throws(PostgresError) {
        if rows.byteCount >= Self.flushAt { try flush() }
        rows.beginRow(fields: fields)
    }

    package mutating func null() { rows.null() }
    package mutating func int64(_ value: Int64) { rows.int64(value) }
    package mutating func int32(_ value: Int32) { rows.int32(value) }
    package mutating func int16(_ value: Int16) { rows.int16(value) }
    package mutating func float(_ value: Float) { rows.float(value) }
    package mutating func double(_ value: Double) { rows.double(value) }
    package mutating func bool(_ value: Bool) { rows.bool(value) }
    package mutating func text(_ value: String) { rows.text(value) }

    /// A `bytea`, or any field already in its binary form, such as a uuid.
    package mutating func bytes(_ value: UnsafeRawBufferPointer) { rows.bytes(value) }
    package mutating func bytes(_ value: [UInt8]) { rows.bytes(value) }
    package mutating func bytes(_ value: ArraySlice<UInt8>) { rows.bytes(value) }

    /// Sends rows that were laid out elsewhere, behind those that have gathered here.
    package mutating func send(_ laidOut: CopyRows) throws(PostgresError) {
        laidOut.endRow()
        try flush()
        try put(laidOut)
        rowsSent += laidOut.count
    }

    /// Ends the stream and sends the rest of it.
    mutating func finish() throws(PostgresError) {
        // Where the number of fields of another row would stand.
        rows.append(framing: [0xff, 0xff])
        try flush()
    }

    private mutating func flush() throws(PostgresError) {
        rows.endRow()
        try put(rows)
        rows.removeBytes()
    }

    private func put(_ rows: CopyRows) throws(PostgresError) {
        guard rows.byteCount > 0 else { return }
        let sent = rows.withBytes {
            PQputCopyData(connection.handle, $0.baseAddress?.assumingMemoryBound(to: CChar.self), Int32($0.count))
        }
        guard sent == 1 else { throw connection.failure(nil, doing: doing) }
    }
}
