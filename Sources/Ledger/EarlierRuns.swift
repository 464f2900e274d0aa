import Postgres

/// What earlier runs teach a later one.
extension RunHistory {
    /// Users a second of the newest run that made lists, all of its time reckoned in; nil where there was none.
    package func usersPerSecond() throws -> Double? {
        try connection.execute(
            """
            SELECT (counts->>'users')::float8 / extract(epoch FROM ended_at - started_at)::float8 AS rate
            FROM nearline.run WHERE state = 'done' AND command IN ('precompute', 'backfill')
                AND (counts->>'users')::bigint > 0 AND ended_at > started_at ORDER BY run DESC LIMIT 1
            """, doing: "looking how fast earlier runs were"
        ).first?.optionalDouble("rate")
    }

    /// The as-of instant of a run of the last hours that was to do just this and did not come to its end; nil where the
    /// newest one did.
    package func leftOff(_ command: String, configHash: String) throws -> String? {
        try connection.execute(
            """
            SELECT CASE WHEN state IN ('lost', 'stopped', 'failed')
                THEN to_char(as_of AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') END AS as_of
            FROM nearline.run WHERE command = $1 AND config_hash = $2 AND state <> 'running'
                AND started_at > now() - interval '20 hours'
            ORDER BY run DESC LIMIT 1
            """, [.text(command), .text(configHash)], doing: "looking for a run of \(command) that was cut short"
        ).first?.optionalString("as_of")
    }
}
