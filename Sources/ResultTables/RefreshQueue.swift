import Domain
import Postgres

/// The users whose lists are to be made anew: triggers add rows, and a refresh takes away just those that it has read, in the
/// transaction that stores the lists. So a row that was committed later stays, and a killed refresh loses none.
package struct RefreshQueue {
    /// What one look at the queue saw.
    package struct Reading: Sendable {
        /// Microseconds since 1970; not before the snapshot.
        package var asOf: Int64
        /// Oldest first.
        package var users: [String] = []
        fileprivate var touches: [Int] = []
        /// Of each row, microseconds since 1970.
        package var touchedAt: [Int64] = []
        /// Whether it saw all that was there.
        package var isWhole = true
        fileprivate var xmin: String
        fileprivate var place: Place
    }

    /// How far the queue was read: whatever a snapshot showed was taken in. What comes later is of transactions that were open
    /// then or are younger, so that it is found without stepping over the rows of all that was taken away, which nobody can
    /// vacuum while any transaction stays open.
    package struct Place: Sendable {
        fileprivate var snapshot: String
        /// Numbers of transactions mean something on the server that gave them: after a fail-over some are given again.
        fileprivate var server: String
    }

    /// The channel on which a sleeper is woken.
    package static let channel = "nearline_touched"
    /// Rows read for each user wanted: events come in bursts.
    private static let rowsPerUser = 16

    private let connection: Connection

    package init(_ connection: Connection) { self.connection = connection }

    /// Whether there is any trigger that adds rows.
    package func isFed() throws -> Bool {
        try connection.execute("SELECT is_fed FROM nearline.refresh_status", doing: "looking for triggers")[0].bool(
            "is_fed")
    }

    /// - Parameter place: up to where it was emptied; nil to look everywhere.
    package func isEmpty(behind place: Place?) throws -> Bool {
        let doing = "looking who waits"
        let head = try connection.execute("SELECT \(Self.server) AS server", doing: doing)[0]
        let (sql, parameters) = Self.rows(behind: place, on: try head.string("server"), most: 1)
        return try connection.execute(sql, parameters, doing: doing).isEmpty
    }

    /// The users who have waited longest, to be called first in a snapshot: its events are at least as new.
    ///
    /// - Parameter place: up to where it was emptied; nil to look everywhere.
    package func read(users wanted: Int, behind place: Place?) throws -> Reading {
        let doing = "reading who waits"
        let head = try connection.execute(
            """
            SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS as_of,
                pg_snapshot_xmin(pg_current_snapshot())::text AS xmin, pg_current_snapshot()::text AS snapshot,
                \(Self.server) AS server
            """, doing: doing)[0]
        let server = try head.string("server")
        var reading = Reading(
            asOf: Int64(try head.int("as_of")), xmin: try head.string("xmin"),
            place: Place(snapshot: try head.string("snapshot"), server: server))
        let most = wanted * Self.rowsPerUser
        let (sql, parameters) = Self.rows(behind: place, on: server, most: most)
        let rows = try connection.execute(sql, parameters, doing: doing)
        // By bytes, as the source tells keys apart.
        var seen: Set<ExternalID> = []
        for row in rows {
            let user = try row.string("user_id")
            if !seen.contains(.text(user)) {
                guard seen.count < wanted else {
                    reading.isWhole = false
                    continue
                }
                seen.insert(.text(user))
                reading.users.append(user)
            }
            reading.touches.append(try row.int("touch"))
            reading.touchedAt.append(Int64(try row.int("at")))
        }
        if rows.count == most { reading.isWhole = false }
        return reading
    }

    /// Since when the server runs: another server's time differs, and so does that of the same one after a restart.
    private static let server = "extract(epoch FROM pg_postmaster_start_time())::text"

    /// Rows that were added behind a place, the oldest first.
    private static func rows(behind place: Place?, on server: String, most: Int) -> (sql: String, [Parameter]) {
        let columns = "SELECT touch, user_id, (extract(epoch FROM at) * 1000000)::bigint AS at FROM"
        let most = Parameter.int(Int64(most))
        guard let place, place.server == server else {
            return ("\(columns) nearline.touched ORDER BY touch LIMIT $1::int", [most])
        }
        return (
            "\(columns) nearline.touched_behind($2::text::pg_snapshot, $1::int)", [most, .text(place.snapshot)]
        )
    }

    /// Takes away what was read, in the transaction that stores the lists.
    ///
    /// - Parameter deferred: users for whom the overlay had no room; they wait aside, where they are in nobody's way.
    /// - Returns: up to where the queue is empty when that transaction is committed; nil where more was there than was read.
    package func take(_ reading: Reading, deferring deferred: [String], run: Int) throws -> Place? {
        let doing = "taking users from the queue"
        if !reading.touches.isEmpty {
            try connection.execute(
                "DELETE FROM nearline.touched WHERE touch = ANY ($1::bigint[])",
                [.text("{" + reading.touches.map(String.init).joined(separator: ",") + "}")], doing: doing)
            try connection.execute(
                "DELETE FROM nearline.deferred_user WHERE user_id = ANY ($1::text[])",
                [.text(Quote.array(reading.users))], doing: doing)
        }
        if !deferred.isEmpty {
            try connection.execute(
                "INSERT INTO nearline.deferred_user (user_id) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING",
                [.text(Quote.array(deferred))], doing: doing)
        }
        // All that the snapshot saw is taken in, and all that is below its oldest open transaction was to be seen.
        try connection.execute(
            """
            UPDATE nearline.watermark SET at = to_timestamp($1::bigint / 1e6), run = $2::bigint, waits_until = NULL,
                xid = CASE WHEN $3::boolean THEN greatest(xid, $4::text::xid8) ELSE xid END
            WHERE name = 'refresh'
            """,
            [.int(reading.asOf), .int(Int64(run)), .bool(reading.isWhole), .text(reading.xmin)], doing: doing)
        return reading.isWhole ? reading.place : nil
    }

    /// The release that the last refresh wrote for; nil before the first one.
    package func followed() throws -> Int? {
        try connection.execute(
            "SELECT release FROM nearline.watermark WHERE name = 'refresh'", doing: "reading the watermark"
        ).first?.optionalInt("release")
    }

    /// Queues the users who would fall back behind what they were served before, where another release has become current,
    /// by a publication or a rollback: lists in overlays of other releases that have seen later events. And those who wait
    /// for room, since this release has its own.
    ///
    /// - Parameter tolerance: seconds by which a list may have seen events later than its instant says.
    /// - Returns: users queued.
    package func follow(_ release: Int, tolerance: Int) throws -> Int {
        let doing = "following release \(release)"
        return try connection.transaction(doing: doing) {
            let current = try connection.execute(
                "SELECT release FROM nearline.current_release FOR SHARE", doing: doing
            ).first?.int("release")
            guard current == release else {
                throw ReleaseError.supersededMeanwhile(release: release, by: current ?? 0)
            }
            let queued = try connection.execute(
                """
                INSERT INTO nearline.touched (user_id)
                SELECT DISTINCT o.user_id::text FROM nearline.overlay o
                CROSS JOIN (SELECT as_of FROM nearline.release WHERE release = $1::int) r
                LEFT JOIN nearline.overlay mine ON mine.user_id = o.user_id AND mine.release = $1::int
                WHERE o.release <> $1::int AND o.as_of > coalesce(mine.as_of, r.as_of - make_interval(secs => $2::int))
                """, [.int(Int64(release)), .int(Int64(tolerance))], doing: doing
            ).affected
            let waiting = try readmit(nil)
            try connection.execute(
                "UPDATE nearline.watermark SET release = $1::int WHERE name = 'refresh'", [.int(Int64(release))],
                doing: doing)
            return queued + waiting
        }
    }

    /// Queues users who wait for room, where there is room again.
    package func readmit(into release: Int, limit: Int) throws {
        guard try !connection.execute("SELECT FROM nearline.deferred_user LIMIT 1", doing: "looking who waits").isEmpty
        else { return }
        let users = try connection.execute(
            "SELECT count(*) AS n FROM \(Leaf.overlay.name(release))", doing: "counting the overlay")[0].int("n")
        if users < limit { _ = try readmit(limit - users) }
    }

    /// - Parameter most: nil for all.
    private func readmit(_ most: Int?) throws -> Int {
        try connection.execute(
            """
            WITH gone AS (
                DELETE FROM nearline.deferred_user WHERE user_id IN (
                    SELECT user_id FROM nearline.deferred_user ORDER BY at LIMIT $1::bigint)
                RETURNING user_id)
            INSERT INTO nearline.touched (user_id) SELECT user_id FROM gone
            """, [Parameter(most)], doing: "queueing users who waited for room"
        ).affected
    }

    /// From now on whoever adds a row wakes up who listens; before, it has to be looked once more whether the queue is empty.
    package func wait(seconds: Double) throws {
        try connection.execute(
            """
            UPDATE nearline.watermark SET waits_until = clock_timestamp() + make_interval(secs => $1::float8)
            WHERE name = 'refresh'
            """, [.real(seconds)], doing: "asking to be woken")
    }

    package func stopWaiting() throws {
        try connection.execute(
            "UPDATE nearline.watermark SET waits_until = NULL WHERE name = 'refresh' AND waits_until IS NOT NULL",
            doing: "asking not to be woken")
    }

    /// Queues whoever had events since the current release: to be called when the queue begins to be fed.
    ///
    /// - Parameter events: quoted; `isRemembered`: a condition on its `user_id`.
    /// - Returns: users queued.
    package func catchUp(events: String, isRemembered: String) throws -> Int {
        try connection.execute(
            """
            INSERT INTO nearline.touched (user_id) SELECT DISTINCT user_id::text FROM \(events)
            WHERE user_id IS NOT NULL AND \(isRemembered) AND occurred_at > (
                SELECT r.as_of FROM nearline.current_release c JOIN nearline.release r USING (release))
            """, doing: "queueing users with events since the release"
        ).affected
    }
}
