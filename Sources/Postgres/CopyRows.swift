/// Rows of a binary COPY in the bytes that the server takes, so that one thread can lay them out while another sends.
///
/// A row with another number of fields than it announced is a mistake of ours and traps.
package struct CopyRows: Sendable {
    package private(set) var count = 0
    private(set) var bytes: [UInt8] = []
    private var fieldsLeft = 0

    package init() {}

    package var byteCount: Int { bytes.count }

    package mutating func reserveBytes(_ byteCount: Int) { bytes.reserveCapacity(byteCount) }

    package mutating func beginRow(fields: Int) {
        endRow()
        append(Int16(fields))
        fieldsLeft = fields
        count += 1
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

    /// Bytes of the stream that belong to no row.
    mutating func append(framing: [UInt8]) {
        endRow()
        bytes += framing
    }

    /// Forgets the bytes, not the count.
    mutating func removeBytes() { bytes.removeAll(keepingCapacity: true) }

    func endRow() {
        precondition(fieldsLeft == 0, "row \(count) lacks \(fieldsLeft) of its fields")
    }

    private mutating func beginField() {
        precondition(fieldsLeft > 0, "row \(count) has no room for another field")
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
        bytes.append(contentsOf: value)
    }

    private mutating func append(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }
}
