/// Rows of a binary COPY in the bytes that the server takes, so that one thread can lay them out while another sends.
///
/// A row with another number of fields than it announced is a mistake of ours and traps.
package struct CopyRows: Sendable {
    package private(set) var count = 0
    package private(set) var byteCount = 0
    /// The first ``byteCount`` of these; zeros, or what was removed, behind them.
    private var buffer: [UInt8] = []
    private var fieldsLeft = 0

    package init() {}

    /// Makes room for so many bytes in all.
    package mutating func reserveBytes(_ byteCount: Int) {
        if buffer.count < byteCount { buffer.append(contentsOf: repeatElement(0, count: byteCount - buffer.count)) }
    }

    /// What is laid out, to change it: a checksum that is computed of many fields at a time.
    package mutating func withMutableBytes(_ body: (UnsafeMutableRawBufferPointer) -> Void) {
        let byteCount = byteCount
        buffer.withUnsafeMutableBytes { body(UnsafeMutableRawBufferPointer(rebasing: $0[..<byteCount])) }
    }

    func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        buffer.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[..<byteCount])) }
    }

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
    package mutating func text(_ value: String) {
        var value = value
        value.withUTF8 { bytes(UnsafeRawBufferPointer($0)) }
    }

    /// A `bytea`, or any field already in its binary form, such as a uuid.
    package mutating func bytes(_ value: UnsafeRawBufferPointer) {
        beginField()
        append(Int32(value.count))
        append(value)
    }
    package mutating func bytes(_ value: [UInt8]) { value.withUnsafeBytes { bytes($0) } }
    package mutating func bytes(_ value: ArraySlice<UInt8>) { value.withUnsafeBytes { bytes($0) } }

    /// Bytes of the stream that belong to no row.
    mutating func append(framing: [UInt8]) {
        endRow()
        framing.withUnsafeBytes { append($0) }
    }

    /// Forgets the bytes, not the count.
    mutating func removeBytes() { byteCount = 0 }

    func endRow() {
        precondition(fieldsLeft == 0, "row \(count) lacks \(fieldsLeft) of its fields")
    }

    private mutating func beginField() {
        precondition(fieldsLeft > 0, "row \(count) has no room for another field")
        fieldsLeft -= 1
    }

    @inline(__always)
    private mutating func field(_ value: some FixedWidthInteger & BitwiseCopyable) {
        beginField()
        append(Int32(value.bitWidth / 8))
        append(value)
    }

    @inline(__always)
    private mutating func append<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value) {
        let end = byteCount + MemoryLayout<Value>.size
        makeRoom(end)
        buffer.withUnsafeMutableBytes {
            unsafe $0.storeBytes(of: value.bigEndian, toByteOffset: byteCount, as: Value.self)
        }
        byteCount = end
    }

    private mutating func append(_ bytes: UnsafeRawBufferPointer) {
        let end = byteCount + bytes.count
        makeRoom(end)
        buffer.withUnsafeMutableBytes { buffer in
            unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[byteCount..<end]).copyMemory(from: bytes)
        }
        byteCount = end
    }

    @inline(__always)
    private mutating func makeRoom(_ byteCount: Int) {
        if buffer.count < byteCount { reserveBytes(max(2 * buffer.count, byteCount)) }
    }
}
