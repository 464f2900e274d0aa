import Domain
import Postgres

/// A range of users that one worker makes the lists of, and the term under which it may store them.
package struct ClaimedShard: Equatable, Sendable {
    package let number: Int
    /// As the source spells it; nil begins at the first user of all.
    package let first: String?
    /// The user before whom the range ends; nil ends with the last of all.
    package let end: String?
    package let term: Int

    package init(number: Int, first: String?, end: String?, term: Int) {
        self.number = number
        self.first = first
        self.end = end
        self.term = term
    }
}

/// What there is to do for whoever asks for a shard.
package enum ShardClaim: Equatable, Sendable {
    case shard(ClaimedShard)
    /// Others are at work on what is left, or on the first shard, which every other needs.
    case wait
    case allDone
}

/// What workers have made of a release so far.
package struct ShardProgress: Equatable, Sendable {
    package var shards = 0
    package var done = 0
    package var users = 0
    package var payloadBytes = 0
}

/// The shards of a release that is being built: which there are, who is at which, and until when.
///
/// A shard is claimed for ``leaseSeconds`` at a time. A worker that dies or is cut off loses it; one that was frozen and
/// goes on finds that the term has passed, and what it sends is not stored.
package struct ShardBook {
    package static let leaseSeconds = 60

    private let release: Int
    private let worker: UUIDKey
    private let connection: Connection

    /// - Parameter connection: the one that stores the lists, whose end gives the claimed shard away.
    package init(release: Int, worker: UUIDKey, on connection: Connection) {
        self.release = release
        self.worker = worker
        self.connection = connection
    }

    /// Writes down the ranges, once: a release that was planned before keeps them.
    ///
    /// - Parameter bounds: the first user of each shard but the first, in the order of keys.
    package func plan(_ bounds: [String]) throws {
        let firsts = [nil] + bounds.map(Optional.some), ends = bounds.map(Optional.some) + [nil]
        try connection.transaction(doing: "planning release \(release)") {
            for (number, (first, end)) in zip(firsts, ends).enumerated() {
                try connection.execute(
                    """
                    INSERT INTO nearline.release_shard (release, shard, state, first_user, end_user, written_at)
                    VALUES ($1::int, $2::int, 'open', $3, $4, now()) ON CONFLICT DO NOTHING
                    """, [.int(Int64(release)), .int(Int64(number)), Parameter(first), Parameter(end)],
                    doing: "planning shard \(number) of release \(release)")
            }
        }
    }

    package var isPlanned: Bool {
        get throws { try progress().shards > 0 }
    }

    /// The next shard that nobody is at: the first one by itself, since what it teaches the encoder is used by all.
    ///
    /// - Parameter ahead: for a worker that is at one already: only where enough are left for all who are at work.
    package func claim(ahead: Bool = false) throws -> ShardClaim {
        let row = try connection.execute(
            """
            WITH next AS (
                SELECT s.shard, s.backend_pid, s.backend_start, s.state, s.is_pooled FROM nearline.release_shard s
                WHERE s.release = $1::int AND (s.state = 'open' OR s.state = 'claimed'
                        AND NOT nearline.is_alive(s.lease_until, s.is_pooled, s.backend_pid, s.backend_start))
                    AND (s.shard = 0 OR EXISTS (SELECT FROM nearline.release_shard f
                        WHERE f.release = $1::int AND f.shard = 0 AND f.state = 'done'))
                    AND (NOT $5::boolean OR (
                        SELECT count(*) FILTER (WHERE o.state = 'open') >= count(DISTINCT o.worker) FILTER (WHERE o.state = 'claimed')
                        FROM nearline.release_shard o WHERE o.release = $1::int))
                ORDER BY s.shard LIMIT 1 FOR UPDATE SKIP LOCKED
            )
            UPDATE nearline.release_shard s SET state = 'claimed', worker = $2::uuid, term = s.term + 1,
                lease_until = clock_timestamp() + $3::int * interval '1 second', is_pooled = $4::boolean,
                backend_pid = pg_backend_pid(),
                backend_start = (SELECT a.backend_start FROM pg_stat_activity a WHERE a.pid = pg_backend_pid())
            FROM next WHERE s.release = $1::int AND s.shard = next.shard
            RETURNING s.shard, s.first_user, s.end_user, s.term,
                -- What was half stored under the term before goes at once, and with it the locks that it holds. Of a
                -- pooler's sessions nobody knows whose they are by now.
                CASE WHEN next.state = 'claimed' AND NOT next.is_pooled THEN (
                    SELECT count(pg_terminate_backend(a.pid)) FROM pg_stat_activity a
                    WHERE a.pid = next.backend_pid AND a.backend_start = next.backend_start AND a.usename = current_user
                ) END AS ended
            """,
            [
                .int(Int64(release)), .text(worker.description), .int(Int64(Self.leaseSeconds)),
                .bool(connection.isPooled), .bool(ahead),
            ], doing: "claiming a shard of release \(release)"
        ).first
        guard let row else {
            guard !ahead else { return .wait }
            guard try unfinished() else { return .allDone }
            try endFrozen()
            return .wait
        }
        return .shard(
            ClaimedShard(
                number: try row.int("shard"), first: try row.optionalString("first_user"),
                end: try row.optionalString("end_user"), term: try row.int("term")))
    }

    /// Has the lease of a shard run on; false where the shard was lost.
    ///
    /// - Parameter connection: of the heartbeat, since the other one is at work.
    package static func renew(
        _ shard: ClaimedShard, of release: Int, on connection: Connection
    ) throws -> Bool {
        try !connection.execute(
            """
            UPDATE nearline.release_shard SET lease_until = clock_timestamp() + $4::int * interval '1 second'
            WHERE release = $1::int AND shard = $2::int AND term = $3::int RETURNING 1
            """,
            [.int(Int64(release)), .int(Int64(shard.number)), .int(Int64(shard.term)), .int(Int64(leaseSeconds))],
            doing: "renewing the lease of shard \(shard.number)"
        ).isEmpty
    }

    /// Lets others have the shards that this worker has claimed and not done.
    package func giveBack() throws {
        try connection.execute(
            """
            UPDATE nearline.release_shard SET state = 'open', lease_until = NULL
            WHERE release = $1::int AND worker = $2::uuid AND state = 'claimed'
            """, [.int(Int64(release)), .text(worker.description)], doing: "giving back shards of release \(release)")
    }

    package func progress() throws -> ShardProgress {
        let row = try connection.execute(
            """
            SELECT count(*) AS shards, count(*) FILTER (WHERE state = 'done') AS done,
                coalesce(sum(users), 0)::bigint AS users, coalesce(sum(payload_bytes), 0)::bigint AS bytes
            FROM nearline.release_shard WHERE release = $1::int
            """, [.int(Int64(release))], doing: "looking at the shards of release \(release)")[0]
        return ShardProgress(
            shards: try row.int("shards"), done: try row.int("done"), users: try row.int("users"),
            payloadBytes: try row.int("bytes"))
    }

    /// What the workers counted, summed up.
    package func figures() throws -> [String: Int] {
        let rows = try connection.execute(
            """
            SELECT f.key, sum(f.value::bigint)::bigint AS n FROM nearline.release_shard s, jsonb_each_text(s.figures) f
            WHERE s.release = $1::int GROUP BY f.key
            """, [.int(Int64(release))], doing: "summing up the shards of release \(release)")
        return Dictionary(
            try rows.map { (try $0.string("key"), try $0.int("n")) }, uniquingKeysWith: { first, _ in first })
    }

    /// Ends sessions whose lease has run out and that hold their row all the same: frozen between storing and committing.
    private func endFrozen() throws {
        try connection.execute(
            """
            SELECT pg_terminate_backend(a.pid) FROM nearline.release_shard s
            JOIN pg_stat_activity a ON a.pid = s.backend_pid AND a.backend_start = s.backend_start
            WHERE s.release = $1::int AND s.state = 'claimed' AND s.lease_until < clock_timestamp() AND NOT s.is_pooled
                AND a.usename = current_user AND a.pid <> pg_backend_pid()
            """, [.int(Int64(release))], doing: "ending frozen workers of release \(release)")
    }

    private func unfinished() throws -> Bool {
        try connection.execute(
            "SELECT EXISTS (SELECT FROM nearline.release_shard WHERE release = $1::int AND state <> 'done') AS is_left",
            [.int(Int64(release))], doing: "looking at the shards of release \(release)")[0].bool("is_left")
    }
}
