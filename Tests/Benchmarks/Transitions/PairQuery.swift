import Postgres

/// The counts of pairs as plain SQL: what an analyst would write.
enum PairQuery {
    static let text = """
        WITH places AS (
            SELECT user_id, (item_id % \(DrawnEvents.clusters))::int AS cluster, occurred_at, item_id
            FROM figures_events WHERE action <> 'impression'
        ), collapsed AS (
            SELECT *, lag(cluster) OVER (PARTITION BY user_id ORDER BY occurred_at, item_id) AS before FROM places
        ), keys AS (
            SELECT cluster AS next, before AS latest,
                lag(before) OVER (PARTITION BY user_id ORDER BY occurred_at, item_id) AS older
            FROM collapsed WHERE before IS DISTINCT FROM cluster
        )
        SELECT count(*) AS distinct_count, sum(n)::bigint AS all_count FROM (
            SELECT older, latest, next, count(*) AS n FROM keys
            WHERE older IS NOT NULL AND older <> next GROUP BY older, latest, next) counted
        """

    static func make(_ events: DrawnEvents, on connection: Connection) throws {
        try connection.script(
            """
            DROP TABLE IF EXISTS figures_events;
            CREATE TABLE figures_events (user_id bigint, item_id bigint, occurred_at timestamptz, action text)
            """, doing: "making the events")
        let from2000: Int64 = 946_684_800_000_000
        try connection.copyIn(
            "figures_events", columns: ["user_id", "item_id", "occurred_at", "action"], doing: "loading the events"
        ) { writer in
            for (event, user) in events.users.enumerated() {
                try writer.beginRow(fields: 4)
                writer.int64(Int64(user))
                writer.int64(Int64(events.items[event]))
                writer.int64(events.times[event] - from2000)
                writer.text("click")
            }
        }
        try connection.script("VACUUM (FREEZE, ANALYZE) figures_events", doing: "settling the events")
    }
}
