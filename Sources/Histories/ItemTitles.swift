import Postgres

/// What people call items.
extension EventSource {
    /// Titles by key, as text, for those items that have one.
    package func titles(of keys: [String], on connection: Connection) throws -> [String: String] {
        guard let items, itemColumns.contains("title"), !keys.isEmpty else { return [:] }
        let wanted = keys.map { Quote.literal($0) }.joined(separator: ",")
        let rows = try connection.execute(
            "SELECT item_id::text AS item, title::text AS title FROM \(items) "
                + "WHERE item_id = ANY (ARRAY[\(wanted)]::\(itemType.rawValue)[]) AND title IS NOT NULL",
            doing: "reading titles from \(names.items ?? "")")
        var titles: [String: String] = [:]
        for row in rows { titles[try row.string("item")] = try row.string("title") }
        return titles
    }

    /// A user's newest events, newest first, as text.
    package func recent(
        of user: String, count: Int, on connection: Connection
    ) throws -> [(time: String, item: String, action: String)] {
        try connection.execute(
            """
            SELECT to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') AS time, item_id::text AS item,
                action::text AS action
            FROM \(events) WHERE user_id = $1 AND \(remembered()) ORDER BY occurred_at DESC, item_id LIMIT $2::int
            """, [.text(user), .int(Int64(count))], doing: "reading the events of user '\(user)'"
        ).map { (try $0.string("time"), try $0.string("item"), try $0.string("action")) }
    }
}
