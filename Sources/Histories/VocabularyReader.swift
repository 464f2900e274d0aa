import Domain
import Postgres

/// The items of the events up to an instant, most popular first, with the side information of the items relation.
package struct VocabularyReader {
    private let source: EventSource
    private let asOf: String

    package init(_ source: EventSource, asOf: String) {
        self.source = source
        self.asOf = asOf
    }

    /// Popularity counts events stronger than an impression, then impressions; ties go by key.
    package func read(on connection: Connection) throws -> Vocabulary {
        var items: [ExternalID] = [], category: [Int32] = [], seller: [Int32] = []
        var categories = SideTable(), sellers = SideTable()
        try connection.copyOut(query, doing: "counting the items of \(source.names.events)") { row in
            guard let bytes = try row.bytes(), let item = ExternalID(binary: bytes, type: source.itemType) else {
                throw PostgresError.malformed("item_id is no \(source.itemType.rawValue)", doing: "reading items")
            }
            items.append(item)
            category.append(categories.row(try row.optionalString()))
            seller.append(sellers.row(try row.optionalString()))
        }
        guard !items.isEmpty else { throw SourceError.noEvents(relation: source.names.events, asOf: asOf) }
        return Vocabulary(
            itemType: source.itemType, items: items, category: category, seller: seller, categories: categories.names,
            sellers: sellers.names, scenes: [""] + (try scenes(on: connection)))
    }

    private var instant: String { Quote.literal(asOf) + "::timestamptz" }

    private var query: String {
        let impressions = Action.labels.filter { $0.value == .impression }.keys.sorted().map { Quote.literal($0) }
            .joined(separator: ", ")
        let order = EventSource.order("e.item_id", source.itemType)
        let known = Action.labels.keys.sorted().map { Quote.literal($0) }.joined(separator: ", ")
        let counted = """
            SELECT item_id, count(*) FILTER (WHERE lower(action::text) NOT IN (\(impressions))) AS wanted, count(*) AS seen
            FROM \(source.events)
            WHERE item_id IS NOT NULL AND \(EventSource.sound("item_id", source.itemType))
                AND user_id IS NOT NULL AND \(EventSource.sound("user_id", source.userType)) AND occurred_at <= \(instant)
                AND occurred_at >= '1990-01-01Z' AND lower(action::text) IN (\(known)) AND \(source.remembered())
            GROUP BY item_id
            """
        guard let relation = source.items else {
            return
                "SELECT e.item_id, NULL::text, NULL::text FROM (\(counted)) e ORDER BY wanted DESC, seen DESC, \(order)"
        }
        func side(_ column: String) -> String {
            source.itemColumns.contains(column) ? EventSource.label(column) : "NULL::text"
        }
        return """
            SELECT e.item_id, i.category, i.seller FROM (\(counted)) e LEFT JOIN (
                SELECT DISTINCT ON (item_id) item_id, \(side("category")) AS category, \(side("seller")) AS seller
                FROM \(relation) ORDER BY item_id, 2, 3
            ) i USING (item_id) ORDER BY wanted DESC, seen DESC, \(order)
            """
    }

    /// The scenes of the events, most frequent first; empty where events have none.
    package func scenes(on connection: Connection) throws -> [String] {
        guard source.hasScene else { return [] }
        return try connection.execute(
            """
            SELECT scene::text AS scene FROM \(source.events)
            WHERE occurred_at <= \(instant) AND \(EventSource.label("scene")) IS NOT NULL AND \(source.remembered())
            GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 255
            """, doing: "listing the scenes of \(source.names.events)"
        ).map { try $0.string("scene") }
    }
}

/// Names of one kind of side information, numbered in the order they are met; 0 is "none given".
private struct SideTable {
    private(set) var names = [""]
    /// By bytes: two spellings of one accent are two names in the source.
    private var rows: [ExternalID: Int32] = [:]

    mutating func row(_ name: String?) -> Int32 {
        guard let name else { return 0 }
        if let row = rows[.text(name)] { return row }
        rows[.text(name)] = Int32(names.count)
        names.append(name)
        return Int32(names.count - 1)
    }
}
