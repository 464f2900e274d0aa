import Domain
import Postgres

/// A past or present run, for people.
package struct RunRow: Sendable {
    package var run: Int
    package var command: String
    package var state: String
    /// The day that it is for, where one was asked for.
    package var date: String?
    package var startedAt: String
    package var seconds: Double
    package var release: Int?
    package var peakBytes: Int
    package var counts: String
    package var error: String?
    /// nil for a run that has ended, and for one that has not said yet where it is.
    package var progress: RunPosition?
}

/// How far a run at work is, as its last heartbeat said.
package struct RunPosition: Sendable, Equatable {
    package var stage: String
    package var done: Int?
    package var total: Int?
    package var unit: String?
    /// Per second, since the stage began.
    package var rate: Double?
    package var secondsLeft: Double?
}

/// A run that other processes may help with.
package struct JoinableRun: Equatable, Sendable {
    package let release: Int
    package let model: String
    /// JSON.
    package let settings: String
    package let asOf: String
    package let serveAt: String
}

/// What a run has to share next with those who help it.
package enum SharedWork: Equatable, Sendable {
    case release(JoinableRun)
    /// A day of a backfill is whole, or the next one is not divided yet.
    case later
    /// The run has ended, or makes no other release.
    case over
}

/// The book of runs, read.
package struct RunHistory {
    let connection: Connection

    package init(_ connection: Connection) { self.connection = connection }

    /// The newest runs first.
    package func newest(_ count: Int) throws -> [RunRow] {
        try connection.execute(
            "SELECT \(Self.columns) FROM nearline.runs ORDER BY run DESC LIMIT $1::int", [.int(Int64(count))],
            doing: "reading the runs"
        ).map(Self.row)
    }

    static let columns = """
        run, command, state, logical_date::text AS date, to_char(started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') AS started_at,
        extract(epoch FROM took)::float8 AS seconds, release, coalesce(peak_bytes, 0) AS peak_bytes,
        counts::text AS counts, error, CASE WHEN ended_at IS NULL THEN stage END AS stage, done, total, unit, rate,
        extract(epoch FROM remaining)::float8 AS seconds_left
        """

    static func row(_ row: Row) throws -> RunRow {
        RunRow(
            run: try row.int("run"), command: try row.string("command"), state: try row.string("state"),
            date: try row.optionalString("date"), startedAt: try row.string("started_at"),
            seconds: try row.double("seconds"),
            release: try row.optionalInt("release"), peakBytes: try row.int("peak_bytes"),
            counts: try row.string("counts"), error: try row.optionalString("error"),
            progress: try row.optionalString("stage").map { stage in
                RunPosition(
                    stage: stage, done: try row.optionalInt("done"), total: try row.optionalInt("total"),
                    unit: try row.optionalString("unit"), rate: try row.optionalDouble("rate"),
                    secondsLeft: try row.optionalDouble("seconds_left"))
            })
    }

    /// What a worker needs to know of a run that it wants to help with.
    package func joinable(_ run: Int) throws -> JoinableRun {
        func refuse(_ reason: String) -> LedgerError { .notJoinable(run: run, reason: reason) }
        guard let row = try row(of: run) else { throw refuse("there is none of this number; see nearline runs") }
        let command = try row.string("command"), state = try row.string("state")
        guard command == "precompute" || command == "backfill" else {
            throw refuse("it is a \(command), which one process does")
        }
        guard state == "running" else { throw refuse("it is \(state); nearline \(command) goes on with what it left") }
        let version = try row.optionalString("code_version") ?? "unknown"
        guard version == Product.version else {
            throw refuse("it was begun by nearline \(version), this is \(Product.version)")
        }
        // Lists of some users go into a release that is whole.
        if command == "backfill", try row.optionalBool("is_history") == false {
            throw refuse("it makes lists of some users, which one process does")
        }
        guard let found = try Self.joinable(row), try row.optionalString("release_state") == "building" else {
            throw refuse("it has no users to share just now; try again in a moment")
        }
        return found
    }

    /// What is to be done for a run whose lists of one release are made.
    package func shared(by run: Int, after joined: JoinableRun) throws -> SharedWork {
        // Of a process that has gone for good nothing else comes.
        guard let row = try row(of: run), try row.string("command") == "backfill",
            try row.string("state") == "running", try row.bool("is_leased")
        else { return .over }
        guard let next = try Self.joinable(row), next.release != joined.release,
            try row.optionalString("release_state") == "building"
        else { return .later }
        return .release(next)
    }

    private func row(of run: Int) throws -> Row? {
        try connection.execute(
            """
            SELECT r.command, r.state, r.release, r.model, r.settings::text AS settings, r.code_version,
                to_char(r.as_of AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS as_of,
                to_char(r.serve_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS serve_at,
                coalesce(r.lease_until > now(), false) AS is_leased, l.state AS release_state, l.is_history
            FROM nearline.run r LEFT JOIN nearline.release l USING (release) WHERE r.run = $1::bigint
            """, [.int(Int64(run))], doing: "reading run \(run)"
        ).first
    }

    private static func joinable(_ row: Row) throws -> JoinableRun? {
        guard let release = try row.optionalInt("release"), let model = try row.optionalString("model"),
            let asOf = try row.optionalString("as_of"), let serveAt = try row.optionalString("serve_at")
        else { return nil }
        return JoinableRun(
            release: release, model: model, settings: try row.string("settings"), asOf: asOf, serveAt: serveAt)
    }

    /// Whether a run of this command took in exactly this, however it ended afterwards.
    package func isTakenIn(_ inputHash: String, by command: String) throws -> Bool {
        try !connection.execute(
            "SELECT 1 FROM nearline.run WHERE command = $1 AND input_hash = $2 LIMIT 1",
            [.text(command), .text(inputHash)], doing: "looking for an earlier \(command)"
        ).isEmpty
    }
}
