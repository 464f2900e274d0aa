import CLibPQ

/// A value for `$1`, `$2`...; it travels beside the SQL, so nothing in it can become SQL.
///
/// Its type is the one the statement gives it (`$1::bigint`, `user_id = $1`), except that bytes are always `bytea`.
package enum Parameter: Sendable, Equatable {
    case null
    case text(String)
    case int(Int64)
    case real(Double)
    case bool(Bool)
    /// Sent in binary.
    case bytes([UInt8])

    package init(_ text: String?) { self = text.map { .text($0) } ?? .null }
    package init(_ integer: (some FixedWidthInteger)?) { self = integer.map { .int(Int64($0)) } ?? .null }
    package init(_ real: Double?) { self = real.map { .real($0) } ?? .null }
}

extension Parameter: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByNilLiteral
{
    package init(stringLiteral value: String) { self = .text(value) }
    package init(integerLiteral value: Int64) { self = .int(value) }
    package init(floatLiteral value: Double) { self = .real(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(nilLiteral: ()) { self = .null }
}

/// The parameters of one statement as `PQexecParams` takes them.
struct BoundParameters {
    private var values = PackedValues()
    private var types: [Oid] = []
    private var formats: [Int32] = []

    init(_ parameters: [Parameter], doing: String) throws(PostgresError) {
        precondition(parameters.count <= 65535, "a statement takes at most 65535 parameters")
        for (index, parameter) in parameters.enumerated() {
            // A C string would end there, and half a value would be stored.
            if case .text(let text) = parameter, text.utf8.contains(0) {
                throw .malformed("parameter \(index + 1) has a zero byte, which text cannot hold", doing: doing)
            }
            append(parameter)
        }
    }

    private mutating func append(_ parameter: Parameter) {
        var type: Oid = 0
        var format: Int32 = 0
        switch parameter {
        case .null: values.appendNull()
        case .text(let text): values.append(text)
        case .int(let value): values.append(String(value))
        case .real(let value): values.append("\(value)")
        case .bool(let value): values.append(value ? "t" : "f")
        case .bytes(let bytes):
            values.append(bytes: bytes)
            type = 17  // bytea
            format = 1
        }
        types.append(type)
        formats.append(format)
    }

    /// Runs the statement; the answer's fields are text.
    func execute(_ sql: String, on handle: OpaquePointer) -> OpaquePointer? {
        values.withPointers { pointers in
            PQexecParams(handle, sql, Int32(types.count), types, pointers, values.lengths, formats, 0)
        }
    }
}
