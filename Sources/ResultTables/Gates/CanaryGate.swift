import Domain
import Postgres

/// The gate that reads as services do: through the lookups, with the pointer at the new release.
extension GateCheck {
    func canary(_ sample: CanarySample) throws -> GateFinding {
        var differing: Set<[UInt8]> = [], keys = 0, fault: String?
        do {
            try ReleaseSwitch(connection).trying(release.release) {
                let lookups = CanaryLookups(connection: connection)
                let many = try lookups.many(sample.users.map(\.user) + [sample.unknownUser].compactMap { $0 })
                // Keys that Swift takes for equal, as letters with their accents, are different ones to PostgreSQL.
                let others = try sample.differing(lookups.one) + sample.differing { many[Array($0.utf8)] ?? [] }
                differing = Set(others.map { Array($0.utf8) })
                keys = try sample.transitions.count { try lookups.next($0) != $0.next }
            }
        } catch let error as PostgresError where error.isOfTheLookup {
            fault = "\(error)"
        }
        var figure =
            "\(differing.count) of \(sample.count) lists and \(keys) of \(sample.transitions.count) transition keys"
        figure += " are answered differently from what is stored"
        if let fault { figure = "reading \(sample.count) lists through the lookups failed: \(fault)" }
        return finding(
            .canary, differing.isEmpty && keys == 0 && fault == nil, figure, bound: "none", query: canaryQuery)
    }

    /// `lookup_in`, as `lookup` reads the current release.
    private var canaryQuery: String {
        """
        SELECT s.user_id, u.rank, i.item_id AS stored, l.item_id AS looked_up, u.score, l.score AS score_looked_up \
        FROM (\(CanaryDraw.users(bounds.canaryUsers, of: release.release))) s \
        JOIN \(table(.candidate)) c USING (user_id) CROSS JOIN LATERAL nearline.unpack(c.payload) u \
        JOIN \(table(.item)) i USING (item_row) \
        LEFT JOIN LATERAL nearline.lookup_in(\(release.release), s.user_id) l ON l.rank = u.rank \
        ORDER BY s.user_id, u.rank
        """
    }
}

extension PostgresError {
    /// False where the database had no chance to answer: that says nothing about a release.
    fileprivate var isOfTheLookup: Bool {
        switch kind {
        case .unreachable, .cancelled, .diskFull, .transient, .readOnly: false
        case .noGrant, .missingRelation, .missingColumn, .malformed, .other: true
        }
    }
}

/// The lookups of the current release as services call them.
private struct CanaryLookups {
    let connection: Connection

    func one(_ user: String) throws -> [ListedItem] {
        try connection.execute(
            "SELECT rank, item_id::text AS item, score::text, source FROM nearline.lookup($1)", [.text(user)],
            doing: "looking up a canary"
        ).compactMap(place)
    }

    /// By the bytes of the user's key.
    func many(_ users: [String]) throws -> [[UInt8]: [ListedItem]] {
        var lists: [[UInt8]: [ListedItem]] = [:]
        let keys = users.map(Quote.literal).joined(separator: ", ")
        let type = try connection.execute(
            """
            SELECT format_type(atttypid, NULL) AS type FROM pg_attribute
            WHERE attrelid = 'nearline.candidate'::regclass AND attname = 'user_id'
            """, doing: "looking up canaries")[0].string("type")
        for row in try connection.execute(
            """
            SELECT user_id::text AS key, rank, item_id::text AS item, score::text, source
            FROM nearline.lookup_many(ARRAY[\(keys)]::\(type)[])
            """, doing: "looking up canaries")
        {
            guard let place = try place(row) else { continue }
            lists[Array(try row.string("key").utf8), default: []].append(place)
        }
        return lists
    }

    func next(_ key: CanarySample.Transition) throws -> [CanarySample.Transition.Next] {
        let used = key.older != nil ? "pair" : key.latest != nil ? "latest" : "everybody"
        return try connection.execute(
            "SELECT rank, cluster, probability::text FROM nearline.next_clusters($1, $2) WHERE key_used = $3",
            [Parameter(key.older), Parameter(key.latest), .text(used)], doing: "looking up a transition"
        ).map { row in
            CanarySample.Transition.Next(
                rank: try row.int("rank"), cluster: try row.string("cluster"),
                probability: Float(try row.string("probability")) ?? .nan)
        }
    }

    /// nil for a source that is not known here; the list is then too short to be the stored one.
    private func place(_ row: Row) throws -> ListedItem? {
        let label = try row.string("source")
        guard let source = CandidateSource.allCases.first(where: { $0.label == label }) else { return nil }
        return ListedItem(
            rank: try row.int("rank"), item: try row.string("item"), score: Float(try row.string("score")) ?? .nan,
            source: source)
    }
}
