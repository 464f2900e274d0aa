#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// The type that a user or item key has in the source, and therefore in every result table.
package enum IDType: String, Sendable, CaseIterable {
    case int = "integer"
    case bigint
    case uuid
    case text

    /// The key type of a PostgreSQL column type name (`format_type`), or nil where Nearline takes no such key.
    package init?(postgresName: String) {
        switch postgresName {
        case "integer": self = .int
        case "bigint": self = .bigint
        case "uuid": self = .uuid
        case "text": self = .text
        case let name where name.hasPrefix("character varying"): self = .text
        default: return nil
        }
    }

    /// Bytes of a text key at most: PostgreSQL's b-tree refuses keys above about 2,700 bytes, and no sound key comes near.
    package static let longestText = 1024

    /// True for what no index of the result tables would take.
    package func isOverlong(_ byteCount: Int) -> Bool { self == .text && byteCount > Self.longestText }

    /// Reads a key from text, strictly: nil for anything that PostgreSQL's own type would not take.
    package func parse(_ text: some StringProtocol) -> ExternalID? {
        switch self {
        case .int: Int32(text).map { .integer(Int64($0)) }
        case .bigint: Int64(text).map { .integer($0) }
        case .uuid: UUIDKey(text).map { .uuid($0) }
        case .text: text.isEmpty || text.utf8.contains(0) ? nil : .text(String(text))
        }
    }
}

/// A user or item key as the source spells it; rows of the model never leave the process without being turned back into one.
package enum ExternalID: Hashable, Sendable {
    case integer(Int64)
    case uuid(UUIDKey)
    case text(String)

    /// Text by bytes: Swift takes a letter with its accent for equal to the one character, PostgreSQL has both as keys.
    package static func == (a: ExternalID, b: ExternalID) -> Bool {
        switch (a, b) {
        case (.integer(let x), .integer(let y)): x == y
        case (.uuid(let x), .uuid(let y)): x == y
        case (.text(let x), .text(let y)): Self.haveSameBytes(x, y)
        default: false
        }
    }

    /// Of texts that lie in one piece, as nearly all do, many bytes at a time.
    private static func haveSameBytes(_ x: String, _ y: String) -> Bool {
        let areSame = x.utf8.withContiguousStorageIfAvailable { x in
            y.utf8.withContiguousStorageIfAvailable { y in
                x.count == y.count && (x.isEmpty || memcmp(x.baseAddress!, y.baseAddress!, x.count) == 0)
            }
        }
        return (areSame ?? nil) ?? x.utf8.elementsEqual(y.utf8)
    }

    package func hash(into hasher: inout Hasher) {
        switch self {
        case .integer(let value): hasher.combine(value)
        case .uuid(let key): hasher.combine(key)
        case .text(let value):
            var value = value
            value.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        }
    }
}

extension ExternalID: Comparable {
    /// Numbers by value, uuids and text by bytes: the order of `COLLATE "C"`.
    package static func < (a: ExternalID, b: ExternalID) -> Bool {
        switch (a, b) {
        case (.integer(let x), .integer(let y)): x < y
        case (.uuid(let x), .uuid(let y)): x < y
        case (.text(let x), .text(let y)): x.utf8.lexicographicallyPrecedes(y.utf8)
        case (.integer, _), (.uuid, .text): true
        default: false
        }
    }
}

extension ExternalID: CustomStringConvertible {
    package var description: String {
        switch self {
        case .integer(let value): String(value)
        case .uuid(let key): key.description
        case .text(let value): value
        }
    }
}

extension ExternalID {
    /// Reads PostgreSQL's binary form of a key; nil where the length or the UTF-8 is wrong.
    package init?(binary bytes: UnsafeRawBufferPointer, type: IDType) {
        switch type {
        case .int:
            guard bytes.count == 4 else { return nil }
            self = .integer(Int64(Int32(bigEndian: bytes.loadUnaligned(as: Int32.self))))
        case .bigint:
            guard bytes.count == 8 else { return nil }
            self = .integer(Int64(bigEndian: bytes.loadUnaligned(as: Int64.self)))
        case .uuid:
            guard bytes.count == 16 else { return nil }
            self = .uuid(
                UUIDKey(
                    high: UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
                    low: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))))
        case .text:
            guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
            self = .text(text)
        }
    }

    /// PostgreSQL's binary form of the key, without a length in front.
    package func appendBinary(to bytes: inout [UInt8], type: IDType) {
        switch self {
        case .integer(let value) where type == .int:
            withUnsafeBytes(of: Int32(truncatingIfNeeded: value).bigEndian) { bytes.append(contentsOf: $0) }
        case .integer(let value): withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
        case .uuid(let key):
            withUnsafeBytes(of: key.high.bigEndian) { bytes.append(contentsOf: $0) }
            withUnsafeBytes(of: key.low.bigEndian) { bytes.append(contentsOf: $0) }
        case .text(let value): bytes.append(contentsOf: value.utf8)
        }
    }

    /// A hash that is the same on every machine and in every process (FNV-1a with a final mix), for buckets and samples.
    package var stableHash: UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        func add(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        switch self {
        case .integer(let value): withUnsafeBytes(of: value.littleEndian) { $0.forEach(add) }
        case .uuid(let key):
            withUnsafeBytes(of: key.high.littleEndian) { $0.forEach(add) }
            withUnsafeBytes(of: key.low.littleEndian) { $0.forEach(add) }
        case .text(let value): value.utf8.forEach(add)
        }
        hash ^= hash >> 33
        hash = hash &* 0xff51_afd7_ed55_8ccd
        return hash ^ (hash >> 33)
    }
}
