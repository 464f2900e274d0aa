import Foundation
import Postgres
import Testing

/// Two at once, polite stops, and connections that are taken away.
@Suite struct SignalTests {
    /// A precompute writes this late in its work, and nothing reads it before: whoever holds it stops the run there.
    private static let late = "nearline.fallback"

    private func lastRun(_ shop: Shop) throws -> String {
        try shop.text("SELECT command || ' ' || state AS text FROM nearline.run ORDER BY run DESC LIMIT 1")
    }

    @Test func ofTwoAtOnceTheSecondIsTurnedAway() throws {
        let shop = try Shop.published()
        let first = try shop.holding(Self.late) {
            let first = try shop.commands.start(["precompute", "--as-of", Shop.asOf, "--again"])
            try shop.awaitLockWait(of: "precompute")
            let second = try shop.commands.run(["precompute", "--as-of", Shop.asOf, "--again"])
            #expect(second.code == 75, "\(second.errors)")
            #expect(second.errors.contains("precompute is already running (run "), "\(second.errors)")
            // Another command is not in the way.
            #expect(try shop.commands.run(["train", "--as-of", "2025-12-25"]).code == 0)
            return first
        }
        #expect(try first.wait().code == 0)
        #expect(try shop.currentRelease() == 2)
    }

    @Test func aFirstSignalStopsTheTrainingSoonAndSaysSo() throws {
        let shop = try Shop.published()
        let before = try shop.served()
        let training = try shop.commands.start(["train", "--as-of", Shop.asOf, "--epochs", "9999", "--patience", "0"])
        try waitUntil("the first epoch") {
            try shop.files(in: "models").contains { $0.hasSuffix("checkpoint.safetensors") }
        }
        training.send(SIGTERM)
        let ended = try training.wait(seconds: 10)
        #expect(ended.code == 143, "\(ended.errors)")
        #expect(ended.errors.contains("stopped by signal 15; run the same command again to go on"))
        #expect(ended.output.isEmpty)
        #expect(try lastRun(shop) == "train stopped")
        #expect(try shop.succeed("runs", "--count", "1").contains("stopped"))
        #expect(try shop.number("SELECT count(*) FROM nearline.model") == 1)
        #expect(try shop.served() == before)
    }

    @Test(arguments: [SIGTERM, SIGINT]) func aSignalReachesARunThatWaitsForALock(_ signal: Int32) throws {
        let shop = try Shop.published()
        let before = try shop.served()
        try shop.holding(Self.late) {
            let waiting = try shop.commands.start(["precompute", "--as-of", Shop.asOf, "--again"])
            try shop.awaitLockWait(of: "precompute")
            waiting.send(signal)
            // Clearing up waits for the same lock, so it is let go before the end is waited for.
            try waitUntil("the cancelled statement") {
                try shop.number(
                    """
                    SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                        AND application_name LIKE 'nearline precompute%' AND wait_event_type = 'Lock'
                        AND query LIKE 'INSERT INTO nearline.fallback%'
                    """) == 0
            }
            return waiting
        }.expect(code: 128 + signal)
        #expect(try lastRun(shop) == "precompute stopped")
        #expect(try shop.served() == before)
        // What was made so far waits for the next run.
        #expect(try shop.number("SELECT count(*) FROM nearline.release WHERE state = 'building'") == 1)
        try shop.succeed("precompute", "--as-of", Shop.asOf, "--again")
        #expect(try shop.strayTables().isEmpty)
    }

    /// Clearing up waits for what a test holds; whoever asks twice does not want to wait.
    @Test func aSecondSignalEndsTheProcessAtOnceAndTheNextRunGoesOn() throws {
        let shop = try Shop.published(), before = try shop.served()
        try shop.holding("nearline.release, nearline.run") {
            let waiting = try shop.commands.start(["precompute", "--as-of", Shop.asOf, "--again"])
            try shop.awaitLockWait(of: "precompute")
            // Frozen, so that no statement is cancelled in between: both have come when it goes on.
            waiting.send(SIGSTOP)
            waiting.send(SIGTERM)
            waiting.send(SIGINT)
            waiting.send(SIGCONT)
            let ended = try waiting.wait(seconds: 10)
            #expect([128 + SIGTERM, 128 + SIGINT].contains(ended.code), "\(ended)")
        }
        try shop.awaitEndOfSessions()
        #expect(try shop.served() == before)
        try shop.succeed("precompute", "--as-of", Shop.asOf, "--again")
        #expect(try shop.payloads(ofRelease: shop.currentRelease()) == shop.payloads(ofRelease: 1))
    }

    /// Before the run is booked, too: counting the events is the first long wait of a night.
    @Test(arguments: ["precompute", "train"])
    func aSignalReachesARunThatHasNotBegun(_ command: String) throws {
        let shop = try Shop.published()
        try shop.holding("shop.events") {
            let waiting = try shop.commands.start([command, "--as-of", Shop.asOf, "--again"])
            try shop.awaitLockWait(of: command)
            waiting.send(SIGTERM)
            let ended = try waiting.wait(seconds: 10)
            #expect(ended.code == 143, "\(ended.errors)")
            #expect(ended.errors.contains("stopped by signal 15"), "\(ended.errors)")
        }
    }

    /// An administrator ends the session that writes, or the one that reads, in the middle of the work.
    @Test(arguments: ["nearline precompute ", "nearline precompute reader"])
    func aLostConnectionEndsTheRunAndNothingElse(_ session: String) throws {
        let shop = try Shop.published()
        let before = try shop.served()
        let running = try shop.holding(Self.late) {
            let running = try shop.commands.start(["precompute", "--as-of", Shop.asOf, "--again"])
            try shop.awaitLockWait(of: "precompute")
            let ended = try shop.number(
                """
                SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                WHERE datname = current_database() AND application_name = '\(session)'
                """)
            #expect(ended == 1, "no session '\(session)'")
            return running
        }
        let ended = try running.wait()
        #expect(ended.code == 69, "\(ended.errors)")
        #expect(ended.errors.contains("then run this again"), "\(ended.errors)")
        #expect(try lastRun(shop) == "precompute failed")
        #expect(try shop.served() == before)
        try shop.succeed("precompute", "--as-of", Shop.asOf, "--again")
        #expect(try shop.strayTables().isEmpty)
        #expect(try shop.payloads(ofRelease: shop.currentRelease()) == shop.payloads(ofRelease: 1))
    }
}

extension RunningCommand {
    fileprivate func expect(code: Int32, at location: SourceLocation = #_sourceLocation) throws {
        let ended = try wait(seconds: 10)
        #expect(ended.code == code, "\(ended.errors)", sourceLocation: location)
    }
}
