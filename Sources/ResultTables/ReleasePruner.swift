import Postgres

/// Removes releases that nobody needs any more, and whatever killed runs left lying about.
///
/// First a release is marked as pruned, so that no rollback chooses it; then its tables go, one by one. Killed in between,
/// the next call goes on: what is to go is found from the catalogue, not from memory.
package struct ReleasePruner {
    /// What ``sweep(waitMilliseconds:)`` did.
    package struct Swept: Equatable, Sendable {
        package var dropped: [String] = []
        /// Tables that older transactions still may read; the next prune takes them.
        package var waiting: [String] = []
        /// Tables that something depends on, a view of somebody's perhaps.
        package var refused: [String] = []
    }

    private let connection: Connection

    package init(_ connection: Connection) { self.connection = connection }

    /// The releases that would go, oldest first: never the current one, a pinned one, the one that a rollback would go to,
    /// or the newest that waits to be published.
    ///
    /// - Parameters:
    ///   - keep: releases that were served and not taken back, newest first and the current one with them, that stay.
    ///   - minAge: an interval as PostgreSQL reads it; what was left more recently stays.
    ///   - history: those of past days too, which otherwise all stay.
    ///   - now: the instant to reckon from; nil is the server's clock.
    package func doomed(keep: Int, minAge: String, history: Bool = false, now: String? = nil) throws -> [Int] {
        try connection.execute(
            """
            WITH there AS (
                SELECT r.release, r.state, r.pin_reason, r.is_history, (SELECT max(e.at) FROM nearline.release_event e
                    WHERE e.release = r.release AND e.becomes NOT IN ('pinned', 'unpinned')) AS left_at,
                    row_number() OVER (PARTITION BY r.state IN ('current', 'superseded')
                        ORDER BY r.state = 'current' DESC, r.published_at DESC, r.release DESC) AS place
                FROM nearline.release r WHERE r.pruned_at IS NULL
            )
            SELECT release FROM there
            WHERE pin_reason IS NULL
                AND coalesce(left_at, '-infinity') <= coalesce($3::timestamptz, now()) - $2::interval
                AND CASE state
                    WHEN 'superseded' THEN place > greatest($1::int, 2)
                    WHEN 'rolled_back' THEN true
                    WHEN 'validated' THEN CASE WHEN is_history THEN $4::boolean
                        ELSE release < greatest((SELECT c.release FROM nearline.current_release c),
                            (SELECT max(v.release) FROM there v WHERE v.state = 'validated' AND NOT v.is_history)) END
                    ELSE false END
            ORDER BY release
            """, [.int(Int64(keep)), .text(minAge), Parameter(now), .bool(history)],
            doing: "looking for releases to prune"
        ).map { try $0.int("release") }
    }

    /// Marks the doomed ones, all looked at once more under the lock that publications and rollbacks take.
    package func mark(
        keep: Int, minAge: String, history: Bool = false, now: String? = nil, reason: String?
    ) throws -> [Int] {
        try connection.transaction(doing: "marking releases as pruned") {
            try connection.execute(
                "LOCK TABLE nearline.current_release IN SHARE ROW EXCLUSIVE MODE", doing: "waiting to prune")
            try connection.execute(
                "SELECT set_config('nearline.reason', $1, true)", [.text(reason ?? "")], doing: "noting the reason")
            let numbers = try doomed(keep: keep, minAge: minAge, history: history, now: now)
            for number in numbers {
                try connection.execute(
                    "UPDATE nearline.release SET pruned_at = now() WHERE release = $1::int", [.int(Int64(number))],
                    doing: "marking release \(number) as pruned")
            }
            return numbers
        }
    }

    /// Releases that are being built, or were when their run ended.
    ///
    /// - Parameter history: of past days, which a backfill makes; without it those that were to be served.
    package func unfinished(history: Bool = false) throws -> [Int] {
        try connection.execute(
            """
            SELECT release FROM nearline.release WHERE state = 'building' AND is_history = $1::boolean ORDER BY release
            """, [.bool(history)], doing: "looking for unfinished releases"
        ).map { try $0.int("release") }
    }

    /// Fails releases whose build has ended early; such tables were never attached, so no reader knows them.
    ///
    /// - Parameter numbers: nil for all that are unfinished. Who is not the builder asks for them first, and then whether
    ///   a build is at work, since a run is booked before its release is there.
    package func discardUnfinished(_ numbers: [Int]? = nil, reason: String) throws -> [Int] {
        let numbers = try numbers ?? unfinished()
        for number in numbers {
            try connection.transaction(doing: "discarding unfinished release \(number)") {
                for leaf in Leaf.allCases {
                    try connection.execute(
                        "DROP TABLE IF EXISTS \(leaf.name(number))", doing: "dropping \(leaf.name(number))")
                }
                try clearSatellites(of: number)
                try connection.execute(
                    """
                    UPDATE nearline.release SET state = 'failed', reason = $2, pruned_at = now(), pin_reason = NULL
                    WHERE release = $1::int
                    """, [.int(Int64(number)), .text(reason)], doing: "recording the end of release \(number)")
            }
        }
        return numbers
    }

    /// Drops every table of a release that is pruned or that no row knows, and the rows that only it had.
    ///
    /// Readers never wait: a table leaves its parent by DETACH CONCURRENTLY, which lets those that may see it finish first.
    ///
    /// - Parameter waitMilliseconds: how long to wait for them, for each table.
    package func sweep(waitMilliseconds: Int) throws -> Swept {
        var swept = Swept()
        // What a killed prune left half detached bars its parent from losing another one.
        for leaf in try leaves().sorted(by: { $0.isPending && !$1.isPending }) {
            switch try drop(leaf, waitMilliseconds) {
            case .dropped: swept.dropped.append(leaf.name)
            case .waiting: swept.waiting.append(leaf.name)
            case .refused: swept.refused.append(leaf.name)
            }
        }
        let emptied = try connection.execute(
            """
            SELECT release FROM nearline.release r WHERE pruned_at IS NOT NULL AND (
                EXISTS (SELECT FROM nearline.fallback f WHERE f.release = r.release)
                OR EXISTS (SELECT FROM nearline.release_cluster c WHERE c.release = r.release)
                OR EXISTS (SELECT FROM nearline.release_scene s WHERE s.release = r.release)
                OR EXISTS (SELECT FROM nearline.release_shard s WHERE s.release = r.release)
                OR EXISTS (SELECT FROM nearline.transition_build b WHERE b.release = r.release AND b.codebook IS NOT NULL)
                OR EXISTS (SELECT FROM nearline.transition_build b JOIN nearline.interest_set USING (build)
                    WHERE b.release = r.release)
                OR r.dictionary IS NOT NULL)
            """, doing: "looking for what pruned releases left"
        ).map { try $0.int("release") }
        for number in emptied {
            try connection.transaction(doing: "clearing release \(number)") { try clearSatellites(of: number) }
        }
        return swept
    }

    private struct LeafTable {
        var name: String
        var parent: String?
        var isPending: Bool
        /// Half detached, and there are transactions from before: to finish would wait for them all with the table locked.
        var isHeld: Bool
    }

    /// The tables that have no business to be there any more.
    private func leaves() throws -> [LeafTable] {
        try connection.execute(
            """
            SELECT format('%I.%I', n.nspname, c.relname) AS name, i.inhparent::regclass::text AS parent,
                coalesce(i.inhdetachpending, false) AS pending,
                coalesce(i.inhdetachpending, false) AND EXISTS (
                    SELECT FROM pg_stat_activity a WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()
                        AND age(a.backend_xmin) >= age(i.xmin)) AS held
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'nearline'
            LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
            LEFT JOIN nearline.release r ON r.release::text = substring(c.relname FROM '_r([0-9]+)$')
            WHERE c.relkind = 'r' AND c.relname ~ '^(candidate|overlay|transition|release_item)_r[0-9]+$'
                AND (r.release IS NULL OR r.pruned_at IS NOT NULL)
            ORDER BY c.relname
            """, doing: "looking for tables of pruned releases"
        ).map {
            LeafTable(
                name: try $0.string("name"), parent: try $0.optionalString("parent"),
                isPending: try $0.bool("pending"), isHeld: try $0.bool("held"))
        }
    }

    private enum Outcome { case dropped, waiting, refused }

    private func drop(_ leaf: LeafTable, _ waitMilliseconds: Int) throws -> Outcome {
        guard !leaf.isHeld else { return .waiting }
        try connection.execute("SET lock_timeout = \(waitMilliseconds)", doing: "limiting the wait")
        let failure = detachAndDrop(leaf)
        _ = try? connection.execute("RESET lock_timeout", doing: "unlimiting the wait")
        guard let failure else { return .dropped }
        switch failure.sqlState {
        // The wait was too long, or a deadlock, or another table of this parent is still half detached for such a reason.
        case "55P03", "40P01", "55000": return .waiting
        case "2BP01": return .refused
        default: throw failure
        }
    }

    private func detachAndDrop(_ leaf: LeafTable) -> PostgresError? {
        do throws(PostgresError) {
            if let parent = leaf.parent {
                try connection.execute(
                    "ALTER TABLE \(parent) DETACH PARTITION \(leaf.name) \(leaf.isPending ? "FINALIZE" : "CONCURRENTLY")",
                    doing: "detaching \(leaf.name)")
            }
            try connection.execute("DROP TABLE \(leaf.name)", doing: "dropping \(leaf.name)")
            return nil
        } catch {
            return error
        }
    }

    private func clearSatellites(of number: Int) throws {
        for table in ["release_cluster", "release_scene", "fallback", "release_shard"] {
            try connection.execute(
                "DELETE FROM nearline.\(table) WHERE release = $1::int", [.int(Int64(number))],
                doing: "clearing \(table)")
        }
        try connection.execute(
            "UPDATE nearline.release SET dictionary = NULL WHERE release = $1::int", [.int(Int64(number))],
            doing: "letting go of the dictionary of release \(number)")
        try connection.execute(
            """
            DELETE FROM nearline.payload_dictionary d
            WHERE NOT EXISTS (SELECT FROM nearline.release r WHERE r.dictionary = d.dictionary)
            """, doing: "clearing dictionaries")
        try connection.execute(
            """
            DELETE FROM nearline.interest_set s USING nearline.transition_build b
            WHERE b.build = s.build AND b.release = $1::int
            """, [.int(Int64(number))], doing: "clearing the interests of release \(number)")
        try connection.execute(
            "UPDATE nearline.transition_build SET codebook = NULL WHERE release = $1::int", [.int(Int64(number))],
            doing: "letting go of the codebooks of release \(number)")
        try connection.execute(
            """
            DELETE FROM nearline.codebook c
            WHERE NOT EXISTS (SELECT FROM nearline.transition_build b WHERE b.codebook = c.codebook)
            """, doing: "clearing codebooks")
    }
}
