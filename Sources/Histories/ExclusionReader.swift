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
        var queries: [String] = []
        if let items = source.items, source.itemColumns.contains("available") {
            queries.append("SELECT item_id FROM \(items) WHERE NOT available")
        }
        if let exclusions = source.exclusions {
            let user = source.exclusionColumns.contains("user_id") ? "WHERE user_id IS NULL" : ""
            queries.append("SELECT item_id FROM \(exclusions) \(user)")
        }
        var rows: Set<Int32> = []
        for query in queries {
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
        let wanted = users.map { Quote.literal(String(describing: $0)) }.joined(separator: ",")
        try connection.copyOut(
            "SELECT user_id, item_id FROM \(exclusions) "
                + "WHERE user_id = ANY (ARRAY[\(wanted)]::\(source.userType.rawValue)[])",
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
}
