import Domain
import Postgres

/// What may not be recommended: to anybody (unavailable items, exclusions without a user), and to single users.
package struct ExclusionReader {
    private let source: EventSource
    private let vocabulary: Vocabulary

    package init(_ source: EventSource, vocabulary: Vocabulary) {
        self.source = source
        self.vocabulary = vocabulary
    }

    /// Vocabulary rows that nobody gets.
    package func forEverybody(on connection: Connection) throws -> Set<Int32> {
        var rows: Set<Int32> = []
        if let query = source.deniedForEverybody {
            try connection.copyOut(query, doing: "reading what is excluded for everybody") { row in
                guard let bytes = try row.bytes(), let item = ExternalID(binary: bytes, type: source.itemType) else {
                    return
                }
                if let known = vocabulary.row(of: item) { rows.insert(known) }
            }
        }
        return rows
    }

    /// Vocabulary rows that each of these users does not get, in the users' order.
    package func forUsers(_ users: [ExternalID], on connection: Connection) throws -> [[Int32]] {
        var rows = [[Int32]](repeating: [], count: users.count)
        guard let exclusions = source.exclusions, source.exclusionColumns.contains("user_id"), !users.isEmpty else {
            return rows
        }
        let places = Dictionary(zip(users, users.indices), uniquingKeysWith: { first, _ in first })
        try connection.copyOut(
            "SELECT user_id::\(source.userType.rawValue), item_id::\(source.itemType.rawValue) FROM \(exclusions) "
                + "WHERE user_id = ANY (\(EventSource.array(users, source.userType)))",
            doing: "reading exclusions of \(users.count) users"
        ) { row in
            guard let userBytes = try row.bytes(), let user = ExternalID(binary: userBytes, type: source.userType),
                let place = places[user]
            else { return try row.skipRest() }
            guard let bytes = try row.bytes(), let item = ExternalID(binary: bytes, type: source.itemType),
                let known = vocabulary.row(of: item)
            else { return }
            rows[place].append(known)
        }
        return rows
    }

    /// Users with exclusions of their own but no row in a table of lists, with the vocabulary rows that they do not get.
    ///
    /// - Parameter lists: a quoted relation with a `user_id`; to be read outside a snapshot that is older than its rows.
    package func usersWithout(
        listIn lists: String, on connection: Connection, user body: (ExternalID, Set<Int32>) throws -> Void
    ) throws {
        guard let exclusions = source.exclusions, source.exclusionColumns.contains("user_id") else { return }
        var current: ExternalID?, rows: Set<Int32> = []
        let user = "e.user_id::\(source.userType.rawValue)"
        try connection.copyOut(
            """
            SELECT \(user), e.item_id::\(source.itemType.rawValue) FROM \(exclusions) e
            WHERE e.user_id IS NOT NULL AND \(EventSource.sound(user, source.userType)) AND NOT EXISTS (SELECT FROM \(lists) l WHERE l.user_id = \(user))
                AND \(source.remembered(user))
            ORDER BY \(EventSource.order(user, source.userType))
            """, doing: "reading exclusions of users without a list"
        ) { row in
            guard let bytes = try row.bytes(), let user = ExternalID(binary: bytes, type: source.userType) else {
                return try row.skipRest()
            }
            if let current, current != user {
                try body(current, rows)
                rows.removeAll(keepingCapacity: true)
            }
            current = user
            guard let bytes = try row.bytes(), let item = ExternalID(binary: bytes, type: source.itemType),
                let known = vocabulary.row(of: item)
            else { return }
            rows.insert(known)
        }
        if let current { try body(current, rows) }
    }
}

extension EventSource {
    /// A query that gives the `item_id` of what nobody gets, as keys of the result tables; nil where the source denies nothing.
    package var deniedForEverybody: String? {
        var queries: [String] = []
        if let items, itemColumns.contains("available") {
            queries.append("SELECT item_id::\(itemType.rawValue) AS item_id FROM \(items) WHERE NOT available")
        }
        if let exclusions {
            let user = exclusionColumns.contains("user_id") ? " WHERE user_id IS NULL" : ""
            queries.append("SELECT item_id::\(itemType.rawValue) AS item_id FROM \(exclusions)\(user)")
        }
        return queries.isEmpty ? nil : queries.joined(separator: " UNION ALL ")
    }

    /// A query that gives the `user_id` and `item_id` of what single users do not get.
    package var deniedPairs: String? {
        guard let exclusions, exclusionColumns.contains("user_id") else { return nil }
        return "SELECT user_id::\(userType.rawValue) AS user_id, item_id::\(itemType.rawValue) AS item_id "
            + "FROM \(exclusions) WHERE user_id IS NOT NULL"
    }
}
