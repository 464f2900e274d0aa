import Domain
import Postgres

/// What the items relation says of items that clusters can be made from.
extension EventSource {
    /// A label as text; nothing for an empty one, and for one that is longer than any name and would fit no index.
    static func label(_ column: String) -> String {
        let text = "\(Quote.identifier(column))::text"
        return "CASE WHEN octet_length(\(text)) BETWEEN 1 AND 1024 THEN \(text) END"
    }

    /// Calls `body` with every item that has a label, in no order; of several rows of an item with the least label.
    ///
    /// - Parameter column: `category` or `seller`.
    package func readLabels(
        _ column: String, on connection: Connection, _ body: (ExternalID, String) throws -> Void
    ) throws {
        let relation = try require(column)
        try connection.copyOut(
            """
            SELECT item_id, min(label COLLATE "C") FROM (
                SELECT item_id, \(Self.label(column)) AS label FROM \(relation) WHERE item_id IS NOT NULL
            ) l WHERE label IS NOT NULL GROUP BY item_id
            """, doing: "reading \(column) of \(names.items ?? "")"
        ) { row in
            guard let bytes = try row.bytes(), let item = ExternalID(binary: bytes, type: itemType) else {
                return try row.skipRest()
            }
            if let label = try row.optionalString() { try body(item, label) }
        }
    }

    /// Calls `body` with the vector of every item that has one, in no order: of a `real[]` or anything that casts to it.
    ///
    /// - Parameter body: the numbers, as many for each item; where an item has another count, ``SourceError`` is thrown.
    package func readEmbeddings(
        _ column: String, on connection: Connection, _ body: (ExternalID, [Float]) throws -> Void
    ) throws {
        let relation = try require(column)
        var width: Int?
        try connection.copyOut(
            """
            SELECT DISTINCT ON (item_id) item_id, \(Quote.identifier(column))::real[] FROM \(relation)
            WHERE item_id IS NOT NULL AND \(Quote.identifier(column)) IS NOT NULL ORDER BY item_id, 2
            """, doing: "reading \(column) of \(names.items ?? "")"
        ) { row in
            guard let key = try row.bytes(), let item = ExternalID(binary: key, type: itemType) else {
                return try row.skipRest()
            }
            guard let vector = try row.bytes().flatMap(Self.vector), vector.count == width ?? vector.count else {
                throw SourceError.unusableEmbedding(
                    relation: names.items ?? "", column: column, item: "\(item)", width: width)
            }
            width = vector.count
            try body(item, vector)
        }
    }

    private func require(_ column: String) throws -> String {
        guard let items, itemColumns.contains(column) else {
            guard let items = names.items else { throw SourceError.noRelation(role: "items") }
            throw SourceError.missingColumns(relation: items, missing: [column], found: itemColumns.sorted())
        }
        return items
    }

    /// One-dimensional `real[]` as PostgreSQL sends it; nil for anything else, an empty one, or one with a NULL.
    private static func vector(_ bytes: UnsafeRawBufferPointer) -> [Float]? {
        func int(_ offset: Int) -> Int {
            Int(Int32(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Int32.self)))
        }
        guard bytes.count >= 20, int(0) == 1, int(4) == 0 else { return nil }
        let count = int(12)
        guard count > 0, bytes.count == 20 + 8 * count else { return nil }
        return (0..<count).map { place in
            Float(bitPattern: UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 24 + 8 * place, as: UInt32.self)))
        }
    }
}
