/// One row of a binary COPY, whose fields are read in order, in place, without allocating.
///
/// Strict: a field of another length than its type's, bad UTF-8, an unexpected NULL, a missing field, or fields left
/// unread at the end are a ``PostgresError`` that names row and column, both counted from 1.
package struct CopyRow: ~Copyable {
    package private(set) var rowNumber = 0
    package private(set) var fieldCount = 0
    private var fieldsRead = 0
    private var message = UnsafeRawBufferPointer(start: nil, count: 0)
    private var offset = 0
    private let doing: String

    init(doing: String) { self.doing = doing }

    /// The field's own bytes, nil for NULL; they are gone once the row's closure returns.
    package mutating func bytes() throws(PostgresError) -> UnsafeRawBufferPointer? {
        guard fieldsRead < fieldCount else {
            throw refuse("row \(rowNumber) has \(fieldCount) columns, and one more is needed")
        }
        fieldsRead += 1
        guard let length = take(Int32.self).map(Int.init), length >= -1, length <= message.count - offset else {
            throw malformed("is cut short")
        }
        if length == -1 { return nil }
        defer { offset += length }
        return UnsafeRawBufferPointer(rebasing: message[offset..<offset + length])
    }

    package mutating func int64() throws(PostgresError) -> Int64 { try required(integer(Int64.self, "a bigint")) }
    package mutating func int32() throws(PostgresError) -> Int32 { try required(integer(Int32.self, "an integer")) }
    package mutating func int16() throws(PostgresError) -> Int16 { try required(integer(Int16.self, "a smallint")) }
    package mutating func float() throws(PostgresError) -> Float { try required(optionalFloat()) }
    package mutating func double() throws(PostgresError) -> Double { try required(optionalDouble()) }
    package mutating func bool() throws(PostgresError) -> Bool { try required(optionalBool()) }
    package mutating func string() throws(PostgresError) -> String { try required(optionalString()) }

    package mutating func optionalInt64() throws(PostgresError) -> Int64? { try integer(Int64.self, "a bigint") }
    package mutating func optionalInt32() throws(PostgresError) -> Int32? { try integer(Int32.self, "an integer") }
    package mutating func optionalInt16() throws(PostgresError) -> Int16? { try integer(Int16.self, "a smallint") }
    package mutating func optionalFloat() throws(PostgresError) -> Float? {
        try integer(UInt32.self, "a real").map(Float.init(bitPattern:))
    }
    package mutating func optionalDouble() throws(PostgresError) -> Double? {
        try integer(UInt64.self, "a double precision").map(Double.init(bitPattern:))
    }

    package mutating func optionalBool() throws(PostgresError) -> Bool? {
        guard let byte = try integer(UInt8.self, "a boolean") else { return nil }
        guard byte <= 1 else { throw malformed("is not a boolean") }
        return byte == 1
    }

    package mutating func optionalString() throws(PostgresError) -> String? {
        guard let bytes = try bytes() else { return nil }
        return try text(bytes)
    }

    func text(_ bytes: UnsafeRawBufferPointer) throws(PostgresError) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else { throw malformed("is not text in UTF-8") }
        return text
    }

    /// Leaves the rest of the row unread on purpose, as for a row that is only counted, or found bad half way.
    package mutating func skipRest() throws(PostgresError) {
        while fieldsRead < fieldCount { _ = try bytes() }
    }

    private mutating func integer<T: FixedWidthInteger>(_: T.Type, _ name: StaticString) throws(PostgresError) -> T? {
        guard let bytes = try bytes() else { return nil }
        guard bytes.count == MemoryLayout<T>.size else {
            throw malformed("has \(bytes.count) bytes, which is not \(name)")
        }
        return T(bigEndian: bytes.loadUnaligned(as: T.self))
    }

    private func required<T>(_ value: T?) throws(PostgresError) -> T {
        guard let value else { throw malformed("is NULL where a value is required") }
        return value
    }

    /// The next integer of the stream itself; nil when the message ends before it.
    private mutating func take<T: FixedWidthInteger>(_: T.Type) -> T? {
        guard message.count - offset >= MemoryLayout<T>.size else { return nil }
        defer { offset += MemoryLayout<T>.size }
        return T(bigEndian: message.loadUnaligned(fromByteOffset: offset, as: T.self))
    }

    private func malformed(_ what: String) -> PostgresError { refuse("row \(rowNumber), column \(fieldsRead) \(what)") }

    private func refuse(_ message: String) -> PostgresError { .malformed(message, doing: doing) }
}

// The stream's side: one `CopyRow` serves every row in turn.
extension CopyRow {
    /// Goes on at the start of another message, behind the bytes that are no rows.
    mutating func enter(_ message: UnsafeRawBufferPointer, at offset: Int) {
        self.message = message
        self.offset = offset
    }

    var isAtEndOfMessage: Bool { offset == message.count }

    /// Starts the next row; false where the stream's trailer stands in its place.
    mutating func begin() throws(PostgresError) -> Bool {
        guard let count = take(Int16.self), count >= -1 else {
            throw refuse("the COPY stream is garbled after row \(rowNumber)")
        }
        if count == -1 { return false }
        rowNumber += 1
        fieldCount = Int(count)
        fieldsRead = 0
        return true
    }

    func end() throws(PostgresError) {
        guard fieldsRead == fieldCount else {
            throw refuse("row \(rowNumber) has \(fieldCount) columns, but \(fieldsRead) were read")
        }
    }
}
