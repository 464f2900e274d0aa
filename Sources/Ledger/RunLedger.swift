import Domain
import Postgres

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// Why a run did not begin.
package enum LedgerError: Error, Equatable, CustomStringConvertible {
    case heldByAnother(command: String, run: Int, since: String)
    case lost(run: Int)
    case notJoinable(run: Int, reason: String)

    package var description: String {
        switch self {
        case .lost(let run):
            "run \(run) gave no sign of life for \(RunLedger.leaseSeconds) seconds and was given up; "
                + "run the same command again to go on"
        case .notJoinable(let run, let reason): "run \(run) cannot be joined: \(reason)"
        case .heldByAnother(let command, let run, let since):
            "\(command) is already running (run \(run), since \(since)); wait for it, or see nearline runs"
        }
    }
}

/// What a run did, as it is written when it ends.
package struct RunReport: Sendable {
    package var counts: [String: Int] = [:]
    package var stageSeconds: [(stage: String, seconds: Double)] = []
    package var release: Int?

    package init() {}
}

/// How far a run is.
package struct RunProgress: Equatable, Sendable {
    package var stage: String?
    package var done: Int?
    package var total: Int?
    package var unit: String?
    /// Of the stages that have ended.
    package var stageSeconds: [String: Double]

    package init(
        stage: String? = nil, done: Int? = nil, total: Int? = nil, unit: String? = nil,
        stageSeconds: [String: Double] = [:]
    ) {
        self.stage = stage
        self.done = done
        self.total = total
        self.unit = unit
        self.stageSeconds = stageSeconds
    }
}

/// The book of runs: a row before work begins, its end after. A command runs once at a time in a database.
///
/// A row belongs to the database session that wrote it: when that session is gone, the run is lost, whoever killed it. And
/// it is leased: a process that is frozen or cut off from the database, and so does not renew, loses it too, as does one
/// behind a pooler, where the session tells nothing.
package final class RunLedger {
    /// How long a run lives without a sign of life.
    package static let leaseSeconds = 60

    package let run: Int
    /// The identity of this process, drawn for the run; never the host's name.
    package let worker: UUIDKey
    private let connection: Connection
    private var isOpen = true

    /// Books a run; throws ``LedgerError`` while another of the same command is alive.
    ///
    /// - Parameters:
    ///   - connection: kept open until the run ends; it is the run's sign of life.
    ///   - settings: JSON.
    package init(_ command: String, settings: String, on connection: Connection) throws {
        self.connection = connection
        worker = UUIDKey.random()
        let worker = worker.description
        var found = try RunLedger.book(command, worker, settings, on: connection)
        // The server may take a moment to see that a killed process has gone.
        for _ in 0..<RunLedger.secondLooks where found == nil {
            usleep(250_000)
            found = try RunLedger.book(command, worker, settings, on: connection)
        }
        guard let found else {
            let holder = try connection.execute(
                "SELECT run, started_at::text AS since FROM nearline.run WHERE command = $1 AND state = 'running'",
                [.text(command)], doing: "looking who runs \(command)"
            ).first
            throw LedgerError.heldByAnother(
                command: command, run: try holder?.int("run") ?? 0, since: try holder?.string("since") ?? "now")
        }
        run = found
    }

    private static let secondLooks = 12

    /// The number of the new run; nil while another of the same command lives.
    private static func book(
        _ command: String, _ worker: String, _ settings: String, on connection: Connection
    ) throws -> Int? {
        try markLost(on: connection)
        let run = try connection.execute(
            """
            INSERT INTO nearline.run (command, worker, backend_pid, backend_start, settings, is_pooled, code_version,
                heartbeat_at, lease_until)
            SELECT $1, $2::uuid, pg_backend_pid(), (SELECT backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()),
                $3::jsonb, $4::boolean, $5, clock_timestamp(), clock_timestamp() + $6::int * interval '1 second'
            ON CONFLICT (command) WHERE state = 'running' DO NOTHING RETURNING run
            """,
            [
                .text(command), .text(worker), .text(settings), .bool(connection.isPooled), .text(Product.version),
                .int(Int64(leaseSeconds)),
            ], doing: "booking a run of \(command)"
        ).first?.int("run")
        guard let run else { return nil }
        // The row may have waited for the run before to commit its end, and says when it began to wait.
        try connection.execute(
            "UPDATE nearline.run SET started_at = clock_timestamp() WHERE run = $1::bigint", [.int(Int64(run))],
            doing: "noting when run \(run) began")
        return run
    }

    /// Runs whose session has gone are lost: nobody will end them.
    package static func markLost(on connection: Connection) throws {
        try connection.execute(
            """
            UPDATE nearline.run r SET state = 'lost', ended_at = now(), error = CASE
                WHEN r.lease_until <= clock_timestamp() THEN 'it gave no sign of life for its lease'
                ELSE 'its database session ended without a word' END
            WHERE r.state = 'running'
                AND NOT nearline.is_alive(r.lease_until, r.is_pooled, r.backend_pid, r.backend_start)
            RETURNING (
                -- A frozen process may sit in the middle of a transaction: what it holds would be held for ever.
                SELECT count(pg_terminate_backend(a.pid)) FROM pg_stat_activity a
                WHERE NOT r.is_pooled AND a.pid = r.backend_pid AND a.backend_start = r.backend_start
                    AND a.usename = current_user AND a.pid <> pg_backend_pid())
            """, doing: "looking for lost runs")
    }

    /// Has the lease run on, and says how far the run is; false where the run was lost meanwhile.
    ///
    /// - Parameter connection: of the heartbeat, since the run's own is at work.
    package static func renew(_ run: Int, _ progress: RunProgress, on connection: Connection) throws -> Bool {
        try !connection.execute(
            """
            UPDATE nearline.run SET heartbeat_at = clock_timestamp(), stage = $2, done = $3::bigint, total = $4::bigint,
                unit = $5, stage_seconds = $7::jsonb, lease_until = clock_timestamp() + $6::int * interval '1 second'
            WHERE run = $1::bigint AND state = 'running' RETURNING 1
            """,
            [
                .int(Int64(run)), Parameter(progress.stage), Parameter(progress.done), Parameter(progress.total),
                Parameter(progress.unit), .int(Int64(leaseSeconds)), .text(json(progress.stageSeconds)),
            ], doing: "renewing the lease of run \(run)"
        ).isEmpty
    }

    /// To the millisecond; a stage that was gone through twice took both times.
    private static func json(_ seconds: [String: Double]) -> String {
        let stages = seconds.sorted { $0.key < $1.key }.map { "\"\($0.key)\": \(($0.value * 1000).rounded() / 1000)" }
        return "{" + stages.joined(separator: ", ") + "}"
    }

    /// What the run is made from, for people and for workers that join it.
    package func note(asOf: String, serveAt: String, model: String, configHash: String, release: Int) throws {
        try connection.execute(
            """
            UPDATE nearline.run SET as_of = $2::timestamptz, serve_at = $3::timestamptz, model = $4, config_hash = $5,
                release = $6::int WHERE run = $1::bigint
            """,
            [.int(Int64(run)), .text(asOf), .text(serveAt), .text(model), .text(configHash), .int(Int64(release))],
            doing: "noting what run \(run) makes")
    }

    /// The day that the run is for.
    package func note(date: LogicalDate) throws {
        try connection.execute(
            "UPDATE nearline.run SET logical_date = $2::date WHERE run = $1::bigint",
            [.int(Int64(run)), .text(date.description)], doing: "noting the date of run \(run)")
    }

    /// Throws while any run is at work.
    package static func requireNone(on connection: Connection) throws {
        let isThere = try connection.execute(
            "SELECT to_regclass('nearline.run') IS NOT NULL AS there", doing: "looking for runs")[0].bool("there")
        guard isThere else { return }
        try markLost(on: connection)
        if let row = try connection.execute(
            "SELECT run, command, started_at::text AS since FROM nearline.run WHERE state = 'running' LIMIT 1",
            doing: "looking for runs"
        ).first {
            throw LedgerError.heldByAnother(
                command: try row.string("command"), run: try row.int("run"), since: try row.string("since"))
        }
    }

    /// Whether a run of this command is at work now.
    package static func isRunning(_ command: String, on connection: Connection) throws -> Bool {
        try markLost(on: connection)
        return try !connection.execute(
            "SELECT 1 FROM nearline.run WHERE command = $1 AND state = 'running'", [.text(command)],
            doing: "looking who runs \(command)"
        ).isEmpty
    }

    /// Keeps a sample of refused rows: the first few of each reason, whoever of several workers finds them.
    package static func quarantine(
        _ rows: [(relation: String, reason: String, text: String)], of run: Int, on connection: Connection
    ) throws {
        for row in rows {
            try connection.execute(
                """
                INSERT INTO nearline.quarantine (run, relation, reason, row_text) SELECT $1::bigint, $2, $3, $4
                WHERE (SELECT count(*) FROM nearline.quarantine WHERE run = $1::bigint AND reason = $3) < $5::int
                """,
                [
                    .int(Int64(run)), .text(row.relation), .text(row.reason), .text(row.text),
                    .int(Int64(quarantinedPerReason)),
                ], doing: "keeping a refused row")
        }
    }

    private static let quarantinedPerReason = 20

    package func quarantine(_ rows: [(relation: String, reason: String, text: String)]) throws {
        try RunLedger.quarantine(rows, of: run, on: connection)
    }

    /// Throws where the run was given up; in a transaction, nobody gives it up before that ends.
    package func requireHeld() throws {
        let isHeld = try !connection.execute(
            "SELECT 1 FROM nearline.run WHERE run = $1::bigint AND state = 'running' FOR SHARE", [.int(Int64(run))],
            doing: "looking whether run \(run) is still held"
        ).isEmpty
        guard isHeld else { throw LedgerError.lost(run: run) }
    }

    /// Whether another process has taken this run for gone, and ended its sessions; false where that cannot be told.
    package func isGivenUp() -> Bool {
        let doing = "looking whether run \(run) was given up"
        // Twice: that the session is gone may show only in the first attempt.
        for _ in 0..<2 {
            _ = try? connection.reconnectIfLost(doing: doing)
            let rows = try? connection.execute(
                "SELECT FROM nearline.run WHERE run = $1::bigint AND state = 'lost'", [.int(Int64(run))], doing: doing)
            if let rows { return !rows.isEmpty }
        }
        return false
    }

    /// After a lost session: the run belongs to the new one, unless another run has begun meanwhile.
    package func reattach() throws {
        let isOurs = try !connection.execute(
            """
            UPDATE nearline.run SET state = 'running', ended_at = NULL, error = NULL, backend_pid = pg_backend_pid(),
                backend_start = (SELECT backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()),
                lease_until = clock_timestamp() + $2::int * interval '1 second'
            WHERE run = $1::bigint AND state IN ('running', 'lost') AND NOT EXISTS (
                SELECT FROM nearline.run o WHERE o.command = nearline.run.command AND o.state = 'running'
                    AND o.run <> $1::bigint) RETURNING 1
            """, [.int(Int64(run)), .int(Int64(Self.leaseSeconds))], doing: "taking run \(run) over into a new session"
        ).isEmpty
        guard isOurs else { throw LedgerError.lost(run: run) }
    }

    /// Notes what was taken in, to be called in the transaction that takes it: then one is there exactly when the other is,
    /// whenever the run is killed.
    package func tookIn(_ inputHash: String) throws {
        try connection.execute(
            "UPDATE nearline.run SET input_hash = $2 WHERE run = $1::bigint", [.int(Int64(run)), .text(inputHash)],
            doing: "noting the input of run \(run)")
    }

    package func done(_ report: RunReport, peakBytes: Int) throws {
        try end("done", report, peakBytes: peakBytes, error: nil)
    }

    /// Writes the end of a run that failed; what goes wrong here is not thrown, because the failure itself matters more.
    package func failed(_ error: any Error, wasStopped: Bool, _ report: RunReport, peakBytes: Int) {
        // Twice: that the session is gone may show only in the first attempt.
        for _ in 0..<2 {
            _ = try? connection.reconnectIfLost(doing: "recording the end of run \(run)")
            try? end(wasStopped ? "stopped" : "failed", report, peakBytes: peakBytes, error: "\(error)")
        }
    }

    private func end(_ state: String, _ report: RunReport, peakBytes: Int, error: String?) throws {
        guard isOpen else { return }
        let counts = report.counts.sorted { $0.key < $1.key }.map { "\"\($0.key)\": \($0.value)" }
        let stages = RunLedger.json(Dictionary(report.stageSeconds.map { ($0.stage, $0.seconds) }) { $0 + $1 })
        try connection.execute(
            """
            UPDATE nearline.run SET state = $2, ended_at = now(), counts = $3::jsonb, stage_seconds = $4::jsonb,
                peak_bytes = $5::bigint, error = $6, release = coalesce($7::int, release), lease_until = NULL
            WHERE run = $1::bigint AND state IN ('running', 'lost')
            """,
            [
                .int(Int64(run)), .text(state), .text("{" + counts.joined(separator: ", ") + "}"),
                .text(stages), .int(Int64(peakBytes)), Parameter(error),
                Parameter(report.release),
            ], doing: "recording the end of run \(run)")
        isOpen = false
    }
}

extension UUIDKey {
    /// A random (version 4) uuid: the identity of one process, never a host name.
    package static func random() -> UUIDKey {
        var generator = SystemRandomNumberGenerator()
        return UUIDKey(
            high: generator.next() & ~0xf000 | 0x4000, low: generator.next() & (.max >> 2) | (1 << 63))
    }
}
