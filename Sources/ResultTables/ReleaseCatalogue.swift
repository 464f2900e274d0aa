import Postgres

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// A release as its row says it.
package struct ReleaseRow: Sendable {
    package var release: Int
    package var state: String
    package var model: String
    package var asOf: String
    package var serveAt: String
    package var settingsHash: String
    package var candidatesPerUser: Int
    package var users: Int
    package var items: Int
    package var transitions: Int
    package var payloadBytes: Int
    package var publishedAt: String?
}

/// The releases of a database: which is current, and moving the one pointer that readers follow.
package struct ReleaseCatalogue {
    private let connection: Connection

    package init(_ connection: Connection) { self.connection = connection }

    package func current() throws -> ReleaseRow? { try rows("JOIN nearline.current_release USING (release)").first }

    package func release(_ number: Int) throws -> ReleaseRow {
        guard let row = try rows("WHERE release = \(number)").first else { throw ReleaseError.unknown(release: number) }
        return row
    }

    /// The newest release that waits to be published.
    package func newestValidated() throws -> ReleaseRow? {
        try rows(
            """
            WHERE state = 'validated' AND release > coalesce((SELECT c.release FROM nearline.current_release c), 0)
            ORDER BY release DESC LIMIT 1
            """
        ).first
    }

    /// A release that was built from exactly this and waits: its run ended between validating and publishing.
    package func validated(settingsHash: String) throws -> ReleaseRow? {
        try rows(
            "WHERE state = 'validated' AND settings_hash = \(Quote.literal(settingsHash)) ORDER BY release DESC LIMIT 1"
        ).first
    }

    /// Makes a validated release the current one: one transaction, one row, and no reader ever waits for it.
    package func publish(_ number: Int) throws {
        try letOlderStatementsBegin()
        try connection.transaction(doing: "publishing release \(number)") {
            // Two publications at once take turns; readers do not conflict with this lock.
            try connection.execute(
                "LOCK TABLE nearline.current_release IN SHARE ROW EXCLUSIVE MODE", doing: "waiting to publish")
            let state = try connection.execute(
                "SELECT state FROM nearline.release WHERE release = $1::int FOR UPDATE", [.int(Int64(number))],
                doing: "locking release \(number)"
            ).first?.string("state")
            guard let state else { throw ReleaseError.unknown(release: number) }
            guard state == "validated" else { throw ReleaseError.notBuilt(release: number, state: state) }
            try connection.execute(
                "UPDATE nearline.release SET state = 'superseded' WHERE state = 'current'",
                doing: "superseding the current release")
            try connection.execute(
                "UPDATE nearline.release SET state = 'current', published_at = now() WHERE release = $1::int",
                [.int(Int64(number))], doing: "publishing release \(number)")
            try connection.execute(
                """
                INSERT INTO nearline.current_release (release) VALUES ($1::int)
                ON CONFLICT (only_row) DO UPDATE SET release = EXCLUDED.release, published_at = now()
                """, [.int(Int64(number))], doing: "moving the pointer to release \(number)")
        }
    }

    /// Waits, for two seconds at most, until no statement is at work that was planned before the release was attached.
    ///
    /// Such a statement does not know the new partition, and would find it empty if it read the pointer after the move.
    /// Only planning counts, which takes milliseconds; a long one that runs already has its snapshot and is not harmed.
    private func letOlderStatementsBegin() throws {
        let parents = Leaf.allCases.map { "'\($0.parent)'::regclass" }.joined(separator: ", ")
        let since = try connection.execute("SELECT clock_timestamp()::text AS now", doing: "looking at the clock")[0]
            .string("now")
        for _ in 0..<100 {
            let busy = try connection.execute(
                """
                SELECT count(*) AS n FROM pg_locks l JOIN pg_stat_activity a USING (pid)
                WHERE l.relation IN (\(parents)) AND l.granted AND l.pid <> pg_backend_pid()
                    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
                    AND coalesce(a.state = 'active', true) AND coalesce(a.query_start < $1::timestamptz, true)
                """, [.text(since)], doing: "waiting for older statements")[0].int("n")
            if busy == 0 { return }
            usleep(20_000)
        }
    }

    /// Drops what a build that ended early left behind; such tables were never attached, so no reader knows them.
    package func discardUnfinished(reason: String) throws -> [Int] {
        let rows = try connection.execute(
            "SELECT release FROM nearline.release WHERE state = 'building' ORDER BY release",
            doing: "looking for unfinished releases")
        let numbers = try rows.map { try $0.int("release") }
        for number in numbers {
            try connection.transaction(doing: "discarding unfinished release \(number)") {
                for table in Leaf.allCases {
                    try connection.execute(
                        "DROP TABLE IF EXISTS \(table.name(number))", doing: "dropping \(table.name(number))")
                }
                for table in ["release_cluster", "fallback"] {
                    try connection.execute(
                        "DELETE FROM nearline.\(table) WHERE release = $1::int", [.int(Int64(number))],
                        doing: "clearing \(table)")
                }
                try connection.execute(
                    "UPDATE nearline.release SET state = 'failed', reason = $2 WHERE release = $1::int",
                    [.int(Int64(number)), .text(reason)], doing: "recording the end of release \(number)")
            }
        }
        return numbers
    }

    private func rows(_ rest: String) throws -> [ReleaseRow] {
        try connection.execute(
            """
            SELECT release, state, model, as_of::text AS as_of, serve_at::text AS serve_at, settings_hash,
                candidates_per_user, coalesce(users, 0) AS users, coalesce(items, 0) AS items,
                coalesce(transitions, 0) AS transitions, coalesce(payload_bytes, 0) AS payload_bytes,
                nearline.release.published_at::text AS published_at
            FROM nearline.release \(rest)
            """, doing: "reading releases"
        ).map { row in
            ReleaseRow(
                release: try row.int("release"), state: try row.string("state"), model: try row.string("model"),
                asOf: try row.string("as_of"), serveAt: try row.string("serve_at"),
                settingsHash: try row.string("settings_hash"),
                candidatesPerUser: try row.int("candidates_per_user"), users: try row.int("users"),
                items: try row.int("items"), transitions: try row.int("transitions"),
                payloadBytes: try row.int("payload_bytes"), publishedAt: try row.optionalString("published_at"))
        }
    }
}
