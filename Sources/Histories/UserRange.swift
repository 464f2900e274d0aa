import Domain
import Postgres

/// Users from one key up to another one, in the order in which histories are read; or some that are named.
package struct UserRange: Equatable, Sendable {
    /// As the source spells it; nil begins at the first user of all.
    package let first: String?
    /// The user before whom the range ends; nil ends with the last of all, and has the rows without a user.
    package let end: String?

    /// nil for all between the bounds.
    private let named: [ExternalID]?

    package static let all = UserRange(first: nil, end: nil)

    /// These users and nobody else: an index on them is followed, key by key.
    package static func only(_ users: [ExternalID]) -> UserRange { UserRange(first: nil, end: nil, named: users) }

    package init(first: String?, end: String?) { self.init(first: first, end: end, named: nil) }

    private init(first: String?, end: String?, named: [ExternalID]?) {
        self.first = first
        self.end = end
        self.named = named
    }

    /// A condition on `user_id`, such as an index on it can follow.
    func condition(_ type: IDType) -> String {
        if let named { return "user_id = ANY (\(EventSource.array(named, type)))" }
        let user = EventSource.order("user_id", type)
        func literal(_ key: String) -> String { "\(Quote.literal(key))::\(type.rawValue)" }
        let bounds = [first.map { "\(user) >= \(literal($0))" }, end.map { "\(user) < \(literal($0))" }].compactMap(
            \.self)
        guard !bounds.isEmpty else { return "true" }
        let within = bounds.joined(separator: " AND ")
        return end == nil ? "(\(within) OR user_id IS NULL)" : within
    }
}

extension EventSource {
    /// Keys as one array constant.
    static func array(_ keys: [ExternalID], _ type: IDType) -> String {
        "ARRAY[\(keys.map { Quote.literal("\($0)") }.joined(separator: ","))]::\(type.rawValue)[]"
    }

    /// The first user of every range but the first, so that each holds so many users with events up to an instant.
    package func bounds(users: Int, asOf: String, now: Int64, on connection: Connection) throws -> [String] {
        var bounds: [String] = []
        try connection.copyOut(
            """
            SELECT user_id::text FROM (
                SELECT user_id, row_number() OVER (ORDER BY \(Self.order("user_id", userType))) - 1 AS place FROM (
                    SELECT DISTINCT user_id FROM \(events)
                    WHERE user_id IS NOT NULL AND \(Self.sound("user_id", userType)) AND \(EventRules(now: now).rows(upTo: asOf))
                        AND \(remembered())) u) p
            WHERE place > 0 AND place % \(users) = 0 ORDER BY place
            """, doing: "dividing the users of \(names.events)"
        ) { row in
            if let key = try row.optionalString() { bounds.append(key) }
        }
        return bounds
    }

    /// Whether ranges of users can be read without reading all events each time; nil where that cannot be told, as of a
    /// view.
    ///
    /// - Parameter inOrder: false for single users, who are found whatever the order of the index.
    package func hasUserIndex(inOrder: Bool = true, on connection: Connection) throws -> Bool? {
        let row = try connection.execute(
            """
            SELECT c.relkind IN ('r', 'p', 'm') AS is_table, EXISTS (
                SELECT FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
                WHERE i.indrelid = c.oid AND i.indisvalid AND i.indpred IS NULL AND a.attname = 'user_id'
                    AND ($2 <> 'text' OR NOT $3 OR i.indcollation[0] IN (
                        SELECT oid FROM pg_collation WHERE collcollate = 'C' OR collname = 'ucs_basic'))
            ) AS has_index FROM pg_class c WHERE c.oid = to_regclass($1)
            """, [.text(events), .text(userType.rawValue), .bool(inOrder)],
            doing: "looking for an index of \(names.events)"
        ).first
        guard let row, try row.bool("is_table") else { return nil }
        return try row.bool("has_index")
    }
}
