import CLibPQ

/// The answer to one statement, held in memory: for the ledger and the catalogue, not for histories (see `copyOut`).
package struct Rows: RandomAccessCollection, Sendable {
    fileprivate let result: QueryResult
    fileprivate let doing: String
    fileprivate let columns: [String: Int32]

    init(_ result: QueryResult, doing: String) {
        self.result = result
        self.doing = doing
        let named = (0..<PQnfields(result.pointer)).map { (String(cString: PQfname(result.pointer, $0)), $0) }
        columns = Dictionary(named, uniquingKeysWith: { first, _ in first })
    }

    package var startIndex: Int { 0 }
    package var endIndex: Int { Int(PQntuples(result.pointer)) }

    package subscript(position: Int) -> Row {
        precondition(indices.contains(position), "row \(position) of \(count)")
        return Row(rows: self, index: Int32(position))
    }

    /// Rows inserted, updated, deleted or selected, as the server counted them.
    package var affected: Int { result.affected }
}

/// One row, read strictly by column name: a wrong type or an unexpected NULL is a ``PostgresError`` and never a default.
package struct Row: Sendable {
    fileprivate let rows: Rows
    fileprivate let index: Int32

    package func optionalString(_ column: String) throws(PostgresError) -> String? {
        try field(column, "text in UTF-8") { String(validating: $0, as: UTF8.self) }
    }
    package func optionalInt(_ column: String) throws(PostgresError) -> Int? {
        try field(column, "an integer") { Int(String(decoding: $0, as: UTF8.self)) }
    }
    package func optionalDouble(_ column: String) throws(PostgresError) -> Double? {
        try field(column, "a number") { Double(String(decoding: $0, as: UTF8.self)) }
    }
    package func optionalBool(_ column: String) throws(PostgresError) -> Bool? {
        try field(column, "a boolean") {
            switch String(decoding: $0, as: UTF8.self) {
            case "t": true
            case "f": false
            default: nil
            }
        }
    }
    package func optionalBytes(_ column: String) throws(PostgresError) -> [UInt8]? {
        try field(column, "a bytea in hex", decodeHex)
    }

    package func string(_ column: String) throws(PostgresError) -> String {
        try required(column, optionalString(column))
    }
    package func int(_ column: String) throws(PostgresError) -> Int { try required(column, optionalInt(column)) }
    package func double(_ column: String) throws(PostgresError) -> Double {
        try required(column, optionalDouble(column))
    }
    package func bool(_ column: String) throws(PostgresError) -> Bool { try required(column, optionalBool(column)) }
    package func bytes(_ column: String) throws(PostgresError) -> [UInt8] {
        try required(column, optionalBytes(column))
    }

    private func field<T>(
        _ column: String, _ expected: String, _ decode: (UnsafeRawBufferPointer) -> T?
    ) throws(PostgresError) -> T? {
        let result = rows.result.pointer
        guard let position = rows.columns[column] else { throw malformed(column, "is not in the answer") }
        if PQgetisnull(result, index, position) == 1 { return nil }
        let bytes = UnsafeRawBufferPointer(
            start: PQgetvalue(result, index, position), count: Int(PQgetlength(result, index, position)))
        guard let value = decode(bytes) else { throw malformed(column, "is not \(expected)") }
        return value
    }

    private func required<T>(_ column: String, _ value: T?) throws(PostgresError) -> T {
        guard let value else { throw malformed(column, "is NULL where a value is required") }
        return value
    }

    private func malformed(_ column: String, _ what: String) -> PostgresError {
        .malformed("row \(index + 1), column \"\(column)\" \(what)", doing: rows.doing)
    }
}

/// `\x0aff` as bytes; nil for anything else.
private func decodeHex(_ text: UnsafeRawBufferPointer) -> [UInt8]? {
    guard text.count % 2 == 0, text.starts(with: [UInt8(ascii: "\\"), UInt8(ascii: "x")]) else { return nil }
    func digit(_ character: UInt8) -> UInt8? {
        switch character {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): character - UInt8(ascii: "a") + 10
        default: nil
        }
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count / 2 - 1)
    for index in stride(from: 2, to: text.count, by: 2) {
        guard let high = digit(text[index]), let low = digit(text[index + 1]) else { return nil }
        bytes.append(high << 4 | low)
    }
    return bytes
}
