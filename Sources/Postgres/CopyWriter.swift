import CLibPQ

/// Writes the rows of a binary COPY into a buffer that goes to the server whenever it is full.
///
/// A row with another number of fields than it announced is a mistake of ours and traps.
package struct CopyWriter: ~Copyable {
    package private(set) var rowsWritten = 0
    private var fieldsLeft = 0
    private var buffer: [UInt8] = []
    private let connection: Connection
    private let doing: String

    private static let flushAt = 128 << 10

    init(connection: Connection, doing: String) {
        self.connection = connection
        self.doing = doing
        buffer.reserveCapacity(Self.flushAt * 2)
        buffer += CopyStream.signature
        append(Int32(0))  // flags
        append(Int32(0))  // length of the header's extension
    }

    /// Starts a row of `fields` fields, and sends what has gathered.
    package mutating func beginRow(fields: Int) throws(PostgresError) {
        endRow()
        if buffer.count >= Self.flushAt { try flush() }
        append(Int16(fields))
        fieldsLeft = fields
        rowsWritten += 1
    }

    package mutating func null() {
        beginField()
        append(Int32(-1))
    }

    package mutating func int64(_ value: Int64) { field(value) }
    package mutating func int32(_ value: Int32) { field(value) }
    package mutating func int16(_ value: Int16) { field(value) }
    package mutating func float(_ value: Float) { field(value.bitPattern) }
    package mutating func double(_ value: Double) { field(value.bitPattern) }
    package mutating func bool(_ value: Bool) { field(UInt8(value ? 1 : 0)) }
    package mutating func text(_ value: String) { field(contentsOf: value.utf8) }

    /// A `bytea`, or any field already in its binary form, such as a uuid.
    package mutating func bytes(_ value: UnsafeRawBufferPointer) { field(contentsOf: value) }
    package mutating func bytes(_ value: [UInt8]) { field(contentsOf: value) }
    package mutating func bytes(_ value: ArraySlice<UInt8>) { field(contentsOf: value) }

    /// Ends the stream and sends the rest of it.
    mutating func finish() throws(PostgresError) {
        endRow()
        append(Int16(-1))
        try flush()
    }

    private mutating func flush() throws(PostgresError) {
        let sent = buffer.withUnsafeBytes {
            PQputCopyData(connection.handle, $0.baseAddress?.assumingMemoryBound(to: CChar.self), Int32($0.count))
        }
        guard sent == 1 else { throw connection.failure(nil, doing: doing) }
        buffer.removeAll(keepingCapacity: true)
    }

    private func endRow() {
        precondition(fieldsLeft == 0, "row \(rowsWritten) lacks \(fieldsLeft) of its fields")
    }

    private mutating func beginField() {
        precondition(fieldsLeft > 0, "row \(rowsWritten) has no room for another field")
        fieldsLeft -= 1
    }

    private mutating func field(_ value: some FixedWidthInteger) {
        beginField()
        append(Int32(value.bitWidth / 8))
        append(value)
    }

    private mutating func field(contentsOf value: some Collection<UInt8>) {
        beginField()
        append(Int32(value.count))
        buffer.append(contentsOf: value)
    }

    private mutating func append(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.bigEndian) { buffer.append(contentsOf: $0) }
    }
}
