import Domain

/// What a snapshot says about its release. Instants are microseconds since 1970.
package struct SnapshotFacts: Equatable, Sendable {
    package var release: Int
    package var model: String
    package var asOf: Int64
    package var serveAt: Int64
    /// As the release's row says it, so that the same release gives the same bytes.
    package var createdAt: Int64
    /// nil where the file was written before its release was published.
    package var publishedAt: Int64?
    package var userType: IDType
    package var itemType: IDType

    package init(
        release: Int, model: String, asOf: Int64, serveAt: Int64, createdAt: Int64, publishedAt: Int64?,
        userType: IDType, itemType: IDType
    ) {
        self.release = release
        self.model = model
        self.asOf = asOf
        self.serveAt = serveAt
        self.createdAt = createdAt
        self.publishedAt = publishedAt
        self.userType = userType
        self.itemType = itemType
    }
}

extension SnapshotFacts {
    private static let unknown = Int64.min

    /// The facts and what the writer counted, as the section holds them.
    func bytes(users: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        for value in [Int64(release), asOf, serveAt, createdAt, publishedAt ?? Self.unknown, Int64(users)] {
            bytes.append(littleEndian: value)
        }
        bytes += [userType.snapshotCode, itemType.snapshotCode]
        bytes.append(contentsOf: model.utf8)
        return bytes
    }

    /// nil for anything that ``bytes(users:)`` does not write.
    static func read(_ bytes: UnsafeRawBufferPointer) -> (facts: SnapshotFacts, users: Int)? {
        let values = (0..<6).compactMap { bytes.integer(Int64.self, at: 8 * $0) }
        guard values.count == 6, bytes.count >= 50, values[5] >= 0, let release = Int(exactly: values[0]),
            let userType = IDType(snapshotCode: bytes[48]), let itemType = IDType(snapshotCode: bytes[49]),
            let model = String(validating: bytes[50...], as: UTF8.self)
        else { return nil }
        let facts = SnapshotFacts(
            release: release, model: model, asOf: values[1], serveAt: values[2], createdAt: values[3],
            publishedAt: values[4] == unknown ? nil : values[4], userType: userType, itemType: itemType)
        return (facts, Int(values[5]))
    }
}

extension IDType {
    /// Stored: never renumber.
    fileprivate var snapshotCode: UInt8 {
        switch self {
        case .int: 0
        case .bigint: 1
        case .uuid: 2
        case .text: 3
        }
    }

    fileprivate init?(snapshotCode: UInt8) {
        guard let type = IDType.allCases.first(where: { $0.snapshotCode == snapshotCode }) else { return nil }
        self = type
    }

    /// Bytes of a key in PostgreSQL's binary form; nil where they vary.
    var keyWidth: Int? {
        switch self {
        case .int: 4
        case .bigint: 8
        case .uuid: 16
        case .text: nil
        }
    }
}
