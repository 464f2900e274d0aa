import Dispatch
import Ledger
import Postgres
import ResultTables
import TestSupport
import Testing

@Suite struct RunLedgerTests {
    private let database: EmptyDatabase

    init() throws {
        database = try EmptyDatabase()
        _ = try Migrator(database.connection).migrate()
    }

    private struct Failure: Error, CustomStringConvertible { let description = "the disk is full" }

    private func book(_ command: String, on connection: Connection? = nil) throws -> RunLedger {
        try RunLedger(command, settings: #"{"width": "64"}"#, on: connection ?? database.connection)
    }

    private func fact(_ column: String, of run: Int) throws -> String? {
        try database.connection.execute(
            "SELECT \(column)::text AS it FROM nearline.run WHERE run = $1::bigint", [.int(Int64(run))],
            doing: "reading")[
                0
            ].optionalString("it")
    }

    /// A closed session takes a moment to leave.
    private func waitUntilGone(_ backend: Int32) throws { try wait(for: "pid = \(backend)") { $0 == 0 } }

    /// Ten seconds at most.
    private func wait(for sessions: String, _ isEnough: (Int) -> Bool) throws {
        for _ in 0..<1000 {
            if isEnough(
                try database.number("SELECT count(*) FROM pg_stat_activity, pg_sleep(0.01) WHERE \(sessions)"))
            {
                return
            }
        }
        Issue.record("waited in vain for sessions of which \(sessions)")
    }

    @Test func aRunIsBookedBeforeItsWork() throws {
        let ledger = try book("precompute")
        #expect(try fact("state", of: ledger.run) == "running")
        #expect(try fact("command", of: ledger.run) == "precompute")
        #expect(try fact("settings", of: ledger.run) == #"{"width": "64"}"#)
        #expect(try fact("backend_pid", of: ledger.run) == "\(database.connection.backendPID)")
        #expect(try fact("ended_at", of: ledger.run) == nil)
        // Version 4, variant 1: drawn, never a host name.
        let worker = Array(try #require(try fact("worker", of: ledger.run)))
        #expect(worker[14] == "4" && "89ab".contains(worker[19]))
    }

    @Test func aSecondRunOfTheSameCommandIsRefusedWhileTheFirstIsAlive() throws {
        let first = try book("precompute"), other = try database.connect()
        let error = thrown(LedgerError.self) { _ = try book("precompute", on: other) }
        guard case .heldByAnother(let command, let run, let since) = try #require(error) else { return }
        #expect(command == "precompute" && run == first.run && since.hasPrefix("20"))
        #expect(try fact("state", of: first.run) == "running")
        #expect(try database.number("SELECT count(*) FROM nearline.run") == 1)
    }

    /// The end is written before it is committed: who waits for that began later, by the times that are kept too.
    @Test func aRunThatWaitedForTheEndOfAnotherBeganAfterIt() throws {
        let first = try book("precompute").run, other = try database.connect()
        nonisolated(unsafe) let ending = try database.connect()
        let ended = DispatchSemaphore(value: 0), backend = ending.backendPID
        DispatchQueue.global().async {
            _ = try? ending.execute(
                """
                DO $$ BEGIN
                    UPDATE nearline.run SET state = 'done', ended_at = clock_timestamp() + interval '1 second'
                        WHERE run = \(first);
                    PERFORM pg_sleep(1.1);
                END $$
                """, doing: "ending a run slowly")
            ended.signal()
        }
        try wait(for: "pid = \(backend) AND wait_event = 'PgSleep'") { $0 > 0 }
        let second = try book("precompute", on: other)
        ended.wait()
        #expect(
            try database.number(
                """
                SELECT count(*) FROM nearline.run a JOIN nearline.run b ON b.started_at > a.ended_at
                WHERE a.run = \(first) AND a.state = 'done' AND b.run = \(second.run)
                """) == 1)
    }

    @Test func anotherCommandMayRunAtTheSameTime() throws {
        let first = try book("precompute"), second = try book("train", on: try database.connect())
        #expect(first.run != second.run)
    }

    @Test func aRunWhoseSessionIsGoneIsLostAndAnotherMayBegin() throws {
        var holder: Connection? = try database.connect()
        let backend = holder!.backendPID
        let first = try book("precompute", on: holder).run
        holder = nil
        try waitUntilGone(backend)
        let second = try book("precompute")
        #expect(try fact("state", of: first) == "lost" && fact("state", of: second.run) == "running")
        #expect(try fact("error", of: first)?.contains("session ended") == true)
        #expect(try fact("ended_at", of: first) != nil)
    }

    @Test func aRunWhoseProcessNumberBelongsToAnotherSessionNowIsLost() throws {
        let first = try book("precompute").run
        try database.run("UPDATE nearline.run SET backend_start = backend_start - interval '1 day'")
        _ = try book("precompute", on: try database.connect())
        #expect(try fact("state", of: first) == "lost")
    }

    @Test func onlyRunningRunsAreMarkedLost() throws {
        var holder: Connection? = try database.connect()
        let backend = holder!.backendPID
        var ledger: RunLedger? = try book("train", on: holder)
        let run = ledger!.run
        try ledger?.done(RunReport(), peakBytes: 1)
        (ledger, holder) = (nil, nil)
        try waitUntilGone(backend)
        try RunLedger.markLost(on: database.connection)
        #expect(try fact("state", of: run) == "done")
    }

    @Test func theEndOfARunIsWrittenWithWhatItDid() throws {
        try database.run(
            """
            INSERT INTO nearline.model (model, file, as_of, vocabulary_hash, item_type, settings)
            VALUES ('m', 'f', now(), 'h', 'bigint', '{}');
            INSERT INTO nearline.release (model, as_of, serve_at, settings_hash, candidates_per_user)
            VALUES ('m', now(), now(), 's', 5)
            """)
        let ledger = try book("precompute")
        var report = RunReport()
        report.counts = ["users": 3, "refused: in the future": 1]
        report.stageSeconds = [("making lists", 1.23456), ("publishing", 0)]
        report.release = 1
        try ledger.tookIn("abc")
        try ledger.done(report, peakBytes: 5 << 30)
        #expect(try fact("state", of: ledger.run) == "done")
        #expect(try fact("counts", of: ledger.run) == #"{"users": 3, "refused: in the future": 1}"#)
        #expect(try fact("stage_seconds", of: ledger.run) == #"{"publishing": 0.0, "making lists": 1.235}"#)
        #expect(try fact("peak_bytes", of: ledger.run) == "\(5 << 30)")
        #expect(try fact("release", of: ledger.run) == "1" && fact("input_hash", of: ledger.run) == "abc")
        #expect(try fact("error", of: ledger.run) == nil)
        #expect(throws: Never.self) { try book("precompute") }
    }

    @Test func whatWasTakenInIsForgottenWithTheTransactionThatTookIt() throws {
        let ledger = try book("import")
        #expect(throws: Failure.self) {
            try database.connection.transaction(doing: "taking in") {
                try ledger.tookIn("abc")
                throw Failure()
            }
        }
        #expect(try fact("input_hash", of: ledger.run) == nil)
        try database.connection.transaction(doing: "taking in") { try ledger.tookIn("abc") }
        ledger.failed(Failure(), wasStopped: false, RunReport(), peakBytes: 7)
        #expect(try fact("input_hash", of: ledger.run) == "abc" && fact("state", of: ledger.run) == "failed")
    }

    @Test(arguments: [(false, "failed"), (true, "stopped")])
    func aRunThatEndsEarlySaysSoAndAnotherMayBegin(_ wasStopped: Bool, _ state: String) throws {
        let ledger = try book("train")
        ledger.failed(Failure(), wasStopped: wasStopped, RunReport(), peakBytes: 7)
        #expect(try fact("state", of: ledger.run) == state)
        #expect(try fact("error", of: ledger.run) == "the disk is full")
        #expect(throws: Never.self) { try book("train") }
    }

    @Test func theFirstEndOfARunStands() throws {
        let ledger = try book("train")
        try ledger.done(RunReport(), peakBytes: 7)
        ledger.failed(Failure(), wasStopped: false, RunReport(), peakBytes: 8)
        #expect(try fact("state", of: ledger.run) == "done" && fact("peak_bytes", of: ledger.run) == "7")
    }

    @Test func aFailureIsWrittenEvenWhereItWasTheLossOfTheConnection() throws {
        let worker = try database.connect()
        let ledger = try book("train", on: worker)
        let backend = worker.backendPID
        try database.connection.execute("SELECT pg_terminate_backend(\(backend))", doing: "cutting the connection")
        try waitUntilGone(backend)
        ledger.failed(Failure(), wasStopped: false, RunReport(), peakBytes: 7)
        #expect(try fact("state", of: ledger.run) == "failed")
    }

    @Test func refusedRowsAreKeptWithTheirRun() throws {
        let ledger = try book("train")
        try ledger.quarantine([
            ("shop.events", "before 1990", "row 5: it's odd"), ("shop.events", "missing item", "row 6"),
        ])
        #expect(
            try database.texts("SELECT run || reason || row_text AS it FROM nearline.quarantine ORDER BY quarantine")
                == ["\(ledger.run)before 1990row 5: it's odd", "\(ledger.run)missing itemrow 6"])
        try database.run("DELETE FROM nearline.run")
        #expect(try database.number("SELECT count(*) FROM nearline.quarantine") == 0)
    }
}
