import CLibPQ

/// A statement that a session plans once and is asked many times, with parameters and answers in binary.
package struct PreparedStatement: Sendable, Equatable {
    /// Different for different SQL, also across the clients of one server: behind a pooler sessions are shared.
    package let name: String
    package let sql: String
    /// Object ids of the parameters' types.
    package let parameterTypes: [UInt32]

    package init(name: String, sql: String, parameterTypes: [UInt32]) {
        self.name = name
        self.sql = sql
        self.parameterTypes = parameterTypes
    }
}

/// The answer to a ``PreparedStatement``: fields in binary, in the order of the statement.
package struct BinaryRows: Sendable {
    private let result: QueryResult

    init(_ result: QueryResult) { self.result = result }

    package var count: Int { Int(PQntuples(result.pointer)) }

    /// Hands the field to `body` without copying it; nil for NULL.
    package func withField<T, E: Error>(
        _ row: Int, _ column: Int, _ body: (UnsafeRawBufferPointer?) throws(E) -> T
    ) throws(E) -> T {
        precondition(row < count && column < Int(PQnfields(result.pointer)), "the answer has no such field")
        if PQgetisnull(result.pointer, Int32(row), Int32(column)) == 1 { return try body(nil) }
        let length = Int(PQgetlength(result.pointer, Int32(row), Int32(column)))
        return try body(
            UnsafeRawBufferPointer(start: PQgetvalue(result.pointer, Int32(row), Int32(column)), count: length))
    }

    /// An `integer`; nil for NULL and for anything of another length.
    package func int32(_ row: Int, _ column: Int) -> Int32? {
        withField(row, column) { bytes in
            guard let bytes, bytes.count == 4 else { return nil }
            return Int32(bigEndian: bytes.loadUnaligned(as: Int32.self))
        }
    }
}

extension Connection {
    /// Plans the statement in this session; one that is there already is the same, by its name.
    package func prepare(_ statement: PreparedStatement, doing: String) throws(PostgresError) {
        precondition(!isCopying, "the connection is in the middle of a COPY")
        let result = QueryResult(
            PQprepare(
                handle, statement.name, statement.sql, Int32(statement.parameterTypes.count), statement.parameterTypes))
        guard !result.succeeded else { return }
        let error = failure(result, doing: doing)
        guard error.sqlState == "42P05" else { throw error }
    }

    /// Asks a statement that was prepared in this session; a parameter is the value's binary form, nil for NULL.
    package func ask(
        _ statement: PreparedStatement, _ parameters: [[UInt8]?], doing: String
    ) throws(PostgresError) -> BinaryRows {
        try answer(doing: doing) {
            withBinary(parameters) {
                PQexecPrepared(handle, statement.name, $0.count, $0.values, $0.lengths, $0.formats, 1)
            }
        }
    }

    /// Asks a statement that need not be prepared, for sessions that do not keep what was: it is planned each time.
    package func askOnce(
        _ statement: PreparedStatement, _ parameters: [[UInt8]?], doing: String
    ) throws(PostgresError) -> BinaryRows {
        try answer(doing: doing) {
            withBinary(parameters) {
                PQexecParams(
                    handle, statement.sql, $0.count, statement.parameterTypes, $0.values, $0.lengths, $0.formats, 1)
            }
        }
    }

    private func answer(doing: String, _ ask: () -> OpaquePointer?) throws(PostgresError) -> BinaryRows {
        precondition(!isCopying, "the connection is in the middle of a COPY")
        let result = QueryResult(ask())
        guard result.succeeded else { throw failure(result, doing: doing) }
        return BinaryRows(result)
    }
}

/// Parameters as libpq takes them.
struct BinaryParameters {
    let count: Int32
    let values: UnsafePointer<UnsafePointer<CChar>?>
    let lengths: [Int32]
    let formats: [Int32]
}

func withBinary<T>(_ parameters: [[UInt8]?], _ body: (BinaryParameters) -> T) -> T {
    var packed = PackedValues()
    for parameter in parameters {
        if let parameter { packed.append(bytes: parameter) } else { packed.appendNull() }
    }
    return packed.withPointers { values in
        body(
            BinaryParameters(
                count: Int32(parameters.count), values: values, lengths: packed.lengths,
                formats: [Int32](repeating: 1, count: parameters.count)))
    }
}
