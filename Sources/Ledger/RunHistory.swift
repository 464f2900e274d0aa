import Postgres

/// A past or present run, for people.
package struct RunRow: Sendable {
    package var run: Int
    package var command: String
    package var state: String
    package var startedAt: String
    package var seconds: Double
    package var release: Int?
    package var peakBytes: Int
    package var counts: String
    package var error: String?
}

/// The book of runs, read.
package struct RunHistory {
    private let connection: Connection

    package init(_ connection: Connection) { self.connection = connection }

    /// The newest runs first.
    package func newest(_ count: Int) throws -> [RunRow] {
        try connection.execute(
            """
            SELECT run, command, CASE WHEN state = 'running' AND NOT EXISTS (
                    SELECT FROM pg_stat_activity a WHERE a.pid = r.backend_pid
                        AND (a.backend_start IS NULL OR r.backend_start IS NULL OR a.backend_start = r.backend_start)) THEN 'lost' ELSE state END AS state,
                to_char(started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') AS started_at,
                extract(epoch FROM coalesce(ended_at, now()) - started_at)::float8 AS seconds, release,
                coalesce(peak_bytes, 0) AS peak_bytes, counts::text AS counts, error
            FROM nearline.run r ORDER BY run DESC LIMIT $1::int
            """, [.int(Int64(count))], doing: "reading the runs"
        ).map { row in
            RunRow(
                run: try row.int("run"), command: try row.string("command"), state: try row.string("state"),
                startedAt: try row.string("started_at"), seconds: try row.double("seconds"),
                release: try row.optionalInt("release"), peakBytes: try row.int("peak_bytes"),
                counts: try row.string("counts"), error: try row.optionalString("error"))
        }
    }

    /// Whether a run of this command took in exactly this, however it ended afterwards.
    package func isTakenIn(_ inputHash: String, by command: String) throws -> Bool {
        try !connection.execute(
            "SELECT 1 FROM nearline.run WHERE command = $1 AND input_hash = $2 LIMIT 1",
            [.text(command), .text(inputHash)], doing: "looking for an earlier \(command)"
        ).isEmpty
    }
}
