import Domain
import Postgres

/// The releases of a database, read: which is current, which waits, which there were.
package struct ReleaseCatalogue {
    let connection: Connection

    package init(_ connection: Connection) { self.connection = connection }

    package func current() throws -> ReleaseRow? {
        try rows("WHERE release = (SELECT c.release FROM nearline.current_release c)").first
    }

    package func release(_ number: Int) throws -> ReleaseRow {
        guard let row = try rows("WHERE release = \(number)").first else { throw ReleaseError.unknown(release: number) }
        return row
    }

    /// Newest first.
    ///
    /// - Parameter pruned: also those of which only the row is left.
    package func all(pruned: Bool) throws -> [ReleaseRow] {
        try rows("\(pruned ? "" : "WHERE pruned_at IS NULL") ORDER BY release DESC")
    }

    /// The newest release that waits to be published.
    package func newestValidated() throws -> ReleaseRow? {
        try rows(
            """
            WHERE state = 'validated' AND NOT is_history AND pruned_at IS NULL
                AND release > coalesce((SELECT c.release FROM nearline.current_release c), 0)
            ORDER BY release DESC LIMIT 1
            """
        ).first
    }

    /// A release that was built from exactly this and waits: its run ended between validating and publishing.
    package func validated(settingsHash: String) throws -> ReleaseRow? {
        try newest(of: "validated", settingsHash)
    }

    /// A release that was built from exactly this and was taken back: to make it once more would bring back what was wrong.
    package func rolledBack(settingsHash: String) throws -> ReleaseRow? {
        try newest(of: "rolled_back", settingsHash)
    }

    private func newest(of state: String, _ settingsHash: String) throws -> ReleaseRow? {
        try rows(
            """
            WHERE state = \(Quote.literal(state)) AND settings_hash = \(Quote.literal(settingsHash))
                AND NOT is_history AND (pruned_at IS NULL OR state = 'rolled_back') ORDER BY release DESC LIMIT 1
            """
        ).first
    }

    /// The release that a rollback goes to: the one served last before the current one, of those still there and not
    /// taken back themselves.
    package func lastGood() throws -> ReleaseRow? {
        try rows("WHERE state = 'superseded' AND pruned_at IS NULL ORDER BY published_at DESC, release DESC LIMIT 1")
            .first
    }

    /// Why a release last came into the state that it is in, where somebody said it.
    package func reason(of row: ReleaseRow) throws -> String? {
        try connection.execute(
            """
            SELECT reason FROM nearline.release_event WHERE release = $1::int AND becomes = $2
            ORDER BY event DESC LIMIT 1
            """, [.int(Int64(row.release)), .text(row.state)], doing: "reading the events of release \(row.release)"
        ).first?.optionalString("reason")
    }

    /// Throws where a crash of the server has emptied the tables of an unlogged release, which it does without a word.
    package func requireLists(of row: ReleaseRow) throws {
        guard row.isUnlogged, row.users > 0 else { return }
        guard try hasLists(row.release) else { throw ReleaseError.emptied(release: row.release) }
    }

    /// Whether there is any list in the tables of a release.
    private func hasLists(_ number: Int) throws -> Bool {
        try !connection.execute(
            "SELECT 1 FROM nearline.candidate WHERE release = $1::int LIMIT 1", [.int(Int64(number))],
            doing: "looking for lists of release \(number)"
        ).isEmpty
    }

    /// Settings of the run that made a release, JSON; nil where that is not known any more.
    package func settings(of number: Int) throws -> String? {
        try connection.execute(
            "SELECT n.settings::text AS settings FROM nearline.release r JOIN nearline.run n USING (run) WHERE r.release = $1::int",
            [.int(Int64(number))], doing: "reading the settings of release \(number)"
        ).first?.string("settings")
    }

    /// The list of a release for users who have none of their own.
    package func fallback(of number: Int) throws -> [Candidate] {
        let row = try connection.execute(
            "SELECT payload FROM nearline.fallback WHERE release = $1::int", [.int(Int64(number))],
            doing: "reading the popular list of release \(number)"
        ).first
        guard let row else { return [] }
        return try ListDecoder(release: number, on: connection).decode(row.bytes("payload"))
    }

    /// Throws where the first rows of a release's items are not these, which its lists would speak of.
    package func requireItems(_ items: [ExternalID], type: IDType, of row: ReleaseRow) throws {
        var place = 0, areSame = items.count <= row.items
        try connection.copyOut(
            """
            SELECT item_id::\(type.rawValue) FROM nearline.release_item
            WHERE release = \(row.release) AND item_row < \(items.count) ORDER BY item_row
            """, doing: "comparing the items of release \(row.release)"
        ) { field in
            let item = try field.bytes().flatMap { ExternalID(binary: $0, type: type) }
            areSame = areSame && item == items[place]
            place += 1
        }
        guard areSame, place == items.count else {
            throw ReleaseError.foreignDictionary(release: row.release, model: row.model)
        }
    }

    /// Those of some users who have a list of their own in a release, its overlay left aside.
    package func users(_ users: [ExternalID], type: IDType, withListIn number: Int) throws -> Set<ExternalID> {
        guard !users.isEmpty else { return [] }
        let found = try connection.execute(
            """
            SELECT user_id::text AS user_id FROM nearline.candidate
            WHERE release = $1::int AND user_id = ANY ($2::\(type.rawValue)[])
            """, [.int(Int64(number)), .text(Quote.array(users.map { "\($0)" }))],
            doing: "looking for lists of release \(number)")
        return Set(try found.compactMap { type.parse(try $0.string("user_id")) })
    }

    /// How many gates a release has passed, and the names of those that it has not.
    package func gates(of number: Int) throws -> (passed: Int, failed: [String]) {
        let rows = try connection.execute(
            "SELECT gate, passed FROM nearline.release_gate WHERE release = $1::int ORDER BY gate",
            [.int(Int64(number))], doing: "reading the gates of release \(number)")
        let failed = try rows.filter { try !$0.bool("passed") }.map { try $0.string("gate") }
        return (rows.count - failed.count, failed)
    }

    /// Bytes of all tables and indexes of a release.
    package func bytes(of number: Int) throws -> Int {
        let leaves = Leaf.allCases.map { "to_regclass('\($0.name(number))')" }.joined(separator: ", ")
        return try connection.execute(
            "SELECT coalesce(sum(pg_total_relation_size(leaf)), 0)::bigint AS bytes FROM unnest(ARRAY[\(leaves)]) leaf",
            doing: "measuring release \(number)")[0].int("bytes")
    }

    func rows(_ rest: String) throws -> [ReleaseRow] {
        try connection.execute(
            """
            SELECT release, state, model, as_of::text AS as_of, serve_at::text AS serve_at, settings_hash,
                candidates_per_user, coalesce(users, 0) AS users, coalesce(items, 0) AS items,
                coalesce(transitions, 0) AS transitions, coalesce(payload_bytes, 0) AS payload_bytes,
                published_at::text AS published_text, created_at::text AS created_text, is_unlogged,
                extract(epoch FROM now() - as_of)::float8 AS age, pin_reason, pruned_at IS NOT NULL AS is_pruned,
                encoding::text AS encoding, logical_date::text AS date, is_history
            FROM nearline.release \(rest)
            """, doing: "reading releases"
        ).map { row in
            ReleaseRow(
                release: try row.int("release"), state: try row.string("state"), model: try row.string("model"),
                asOf: try row.string("as_of"), serveAt: try row.string("serve_at"),
                settingsHash: try row.string("settings_hash"),
                candidatesPerUser: try row.int("candidates_per_user"), users: try row.int("users"),
                items: try row.int("items"), transitions: try row.int("transitions"),
                payloadBytes: try row.int("payload_bytes"), publishedAt: try row.optionalString("published_text"),
                createdAt: try row.string("created_text"), ageSeconds: try row.double("age"),
                pinReason: try row.optionalString("pin_reason"), isPruned: try row.bool("is_pruned"),
                date: try row.optionalString("date").flatMap { LogicalDate($0) },
                isHistory: try row.bool("is_history"), isUnlogged: try row.bool("is_unlogged"),
                encoding: try row.string("encoding"))
        }
    }
}
