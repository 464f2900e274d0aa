import Ledger
import Postgres
import ResultTables
import TestSupport
import Testing

@Suite struct RunHistoryTests {
    private let database: EmptyDatabase

    init() throws {
        database = try EmptyDatabase()
        _ = try Migrator(database.connection).migrate()
    }

    private func run(_ command: String, hash: String?, ends: Bool = true) throws -> Int {
        let ledger = try RunLedger(command, settings: "{}", on: database.connection)
        if let hash { try ledger.tookIn(hash) }
        if ends {
            try ledger.done(RunReport(), peakBytes: 1)
        } else {
            ledger.failed(CancellationError(), wasStopped: false, RunReport(), peakBytes: 1)
        }
        return ledger.run
    }

    @Test func whatACommandTookInIsKnownHoweverItsRunEnded() throws {
        let history = RunHistory(database.connection)
        _ = try run("import", hash: "a")
        _ = try run("import", hash: "b", ends: false)
        _ = try run("train", hash: "c")
        _ = try run("import", hash: nil)
        #expect(try history.isTakenIn("a", by: "import") && history.isTakenIn("b", by: "import"))
        #expect(try !history.isTakenIn("c", by: "import") && !history.isTakenIn("a", by: "train"))
        #expect(try !history.isTakenIn("", by: "import"))
    }

    @Test func theNewestRunsComeFirstAndNoMoreThanAskedFor() throws {
        let runs = try ["import", "train", "precompute"].map { try run($0, hash: nil) }
        let found = try RunHistory(database.connection).newest(2)
        #expect(found.map(\.run) == [runs[2], runs[1]])
        #expect(found.map(\.command) == ["precompute", "train"] && found.allSatisfy { $0.state == "done" })
        #expect(found[0].peakBytes == 1 && found[0].counts == "{}" && found[0].error == nil && found[0].release == nil)
    }

    @Test func aRunWithoutASessionIsShownAsLostBeforeAnybodyWritesThatDown() throws {
        let alive = try RunLedger("train", settings: "{}", on: database.connection)
        let other = try RunLedger("import", settings: "{}", on: database.connection)
        let reused = try RunLedger("precompute", settings: "{}", on: database.connection)
        try database.run(
            """
            UPDATE nearline.run SET backend_pid = 2147483647 WHERE run = \(other.run);
            UPDATE nearline.run SET backend_start = backend_start - interval '1 day' WHERE run = \(reused.run)
            """)
        let found = try RunHistory(database.connection).newest(10)
        #expect(found.first { $0.run == alive.run }?.state == "running")
        #expect(found.first { $0.run == other.run }?.state == "lost")
        // The same rule as the one that lets another run begin.
        #expect(found.first { $0.run == reused.run }?.state == "lost")
    }
}
