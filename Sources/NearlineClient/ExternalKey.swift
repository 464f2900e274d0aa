import Domain

/// A key of a user or an item, as your own tables have it.
public enum ExternalKey: Hashable, Sendable {
    /// `integer` and `bigint`.
    case integer(Int64)
    /// The sixteen bytes, as two numbers whose highest byte comes first.
    case uuid(high: UInt64, low: UInt64)
    case text(String)

    /// A uuid in its usual form of 36 characters, in either case; nil for anything else.
    public init?(uuid text: String) {
        guard let key = UUIDKey(text) else { return nil }
        self = .uuid(high: key.high, low: key.low)
    }
}

/// The key of a user.
public typealias UserKey = ExternalKey

/// The key of an item.
public typealias ItemKey = ExternalKey

/// The type of a key column.
public enum KeyType: String, Hashable, Sendable {
    case integer, bigint, uuid, text

    init(_ type: IDType) {
        self =
            switch type {
            case .int: .integer
            case .bigint: .bigint
            case .uuid: .uuid
            case .text: .text
            }
    }
}

extension ExternalKey: ExpressibleByIntegerLiteral, ExpressibleByStringLiteral {
    public init(integerLiteral value: Int64) { self = .integer(value) }
    public init(stringLiteral value: String) { self = .text(value) }
}

extension ExternalKey: CustomStringConvertible {
    /// The key as PostgreSQL prints it.
    public var description: String { id.description }
}

extension ExternalKey {
    /// Text by bytes: what Swift takes for equal may be two keys to PostgreSQL.
    public static func == (a: ExternalKey, b: ExternalKey) -> Bool { a.id == b.id }

    public func hash(into hasher: inout Hasher) { id.hash(into: &hasher) }

    init(_ id: ExternalID) {
        self =
            switch id {
            case .integer(let value): .integer(value)
            case .uuid(let key): .uuid(high: key.high, low: key.low)
            case .text(let text): .text(text)
            }
    }

    var id: ExternalID {
        switch self {
        case .integer(let value): .integer(value)
        case .uuid(let high, let low): .uuid(UUIDKey(high: high, low: low))
        case .text(let text): .text(text)
        }
    }

    /// The key as a parameter; nil where a column of this type cannot hold it, so that it is nobody's.
    func parameter(_ type: IDType) throws(NearlineClientError) -> [UInt8]? {
        switch (type, self) {
        case (.int, .integer(let value)): if Int32(exactly: value) == nil { return nil }
        case (.bigint, .integer), (.uuid, .uuid): break
        case (.text, .text(let text)): if text.utf8.contains(0) { return nil }
        default: throw .wrongKeyType(expected: KeyType(type))
        }
        var bytes: [UInt8] = []
        id.appendBinary(to: &bytes, type: type)
        return bytes
    }
}
