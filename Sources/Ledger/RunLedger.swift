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

    package var description: String {
        switch self {
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

/// The book of runs: a row before work begins, its end after. A command runs once at a time in a database.
///
/// A row belongs to the database session that wrote it: when that session is gone, the run is lost, whoever killed it.
package final class RunLedger {
    package let run: Int
    private let connection: Connection
    private var isOpen = true

    /// Books a run; throws ``LedgerError`` while another of the same command is alive.
    ///
    /// - Parameters:
    ///   - connection: kept open until the run ends; it is the run's sign of life.
    ///   - settings: JSON.
    package init(_ command: String, settings: String, on connection: Connection) throws {
        self.connection = connection
        let worker = UUIDKey.random().description
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
        return try connection.execute(
            """
            INSERT INTO nearline.run (command, worker, backend_pid, backend_start, settings)
            SELECT $1, $2::uuid, pg_backend_pid(), (SELECT backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()),
                $3::jsonb
            ON CONFLICT (command) WHERE state = 'running' DO NOTHING RETURNING run
            """, [.text(command), .text(worker), .text(settings)], doing: "booking a run of \(command)"
        ).first?.int("run")
    }

    /// Runs whose session has gone are lost: nobody will end them.
    package static func markLost(on connection: Connection) throws {
        try connection.execute(
            """
            UPDATE nearline.run r SET state = 'lost', ended_at = now(), error = 'its database session ended without a word'
            WHERE r.state = 'running' AND NOT EXISTS (
                SELECT FROM pg_stat_activity a WHERE a.pid = r.backend_pid
                    AND (a.backend_start IS NULL OR r.backend_start IS NULL OR a.backend_start = r.backend_start))
            """, doing: "looking for lost runs")
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

    /// Keeps a sample of refused rows.
    package func quarantine(_ rows: [(relation: String, reason: String, text: String)]) throws {
        for row in rows {
            try connection.execute(
                "INSERT INTO nearline.quarantine (run, relation, reason, row_text) VALUES ($1::bigint, $2, $3, $4)",
                [.int(Int64(run)), .text(row.relation), .text(row.reason), .text(row.text)],
                doing: "keeping a refused row")
        }
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
        let stages = report.stageSeconds.map { "\"\($0.stage)\": \(($0.seconds * 1000).rounded() / 1000)" }
        try connection.execute(
            """
            UPDATE nearline.run SET state = $2, ended_at = now(), counts = $3::jsonb, stage_seconds = $4::jsonb,
                peak_bytes = $5::bigint, error = $6, release = $7::int WHERE run = $1::bigint
            """,
            [
                .int(Int64(run)), .text(state), .text("{" + counts.joined(separator: ", ") + "}"),
                .text("{" + stages.joined(separator: ", ") + "}"), .int(Int64(peakBytes)), Parameter(error),
                Parameter(report.release),
            ], doing: "recording the end of run \(run)")
        isOpen = false
    }
}

extension UUIDKey {
    /// A random (version 4) uuid: the identity of one process, never a host name.
    fileprivate static func random() -> UUIDKey {
        var generator = SystemRandomNumberGenerator()
        return UUIDKey(
            high: generator.next() & ~0xf000 | 0x4000, low: generator.next() & (.max >> 2) | (1 << 63))
    }
}
