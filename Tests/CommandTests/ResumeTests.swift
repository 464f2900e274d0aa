import Foundation
import Postgres
import Testing

/// A run that is killed, frozen or joined makes the same bytes as one that nobody disturbed.
@Suite struct ResumeTests {
    private static let command = ["precompute", "--as-of", Shop.asOf, "--candidates", "13"]
    private static let small = ["NEARLINE_SHARD_USERS": "7"]

    /// The lists, transitions, fallback and exposure of the current release.
    private func made(_ shop: Shop) throws -> String {
        let release = try shop.currentRelease()
        return try shop.payloads(ofRelease: release)
            + shop.text(
                """
                SELECT md5(string_agg(item_row || ' ' || lists || ' ' || lists_top_10, ',' ORDER BY item_row)) AS text
                FROM nearline.release_item WHERE release = \(release)
                """) + shop.text("SELECT encoding::text AS text FROM nearline.release WHERE release = \(release)")
    }

    private func undisturbed() throws -> String {
        let shop = try Shop.published()
        let ended = try shop.commands.run(Self.command, with: Self.small)
        try #require(ended.code == 0, "\(ended.errors)")
        return try made(shop)
    }

    /// A shop whose run has done all shards but one, which somebody else holds.
    private func interrupted(_ shop: Shop, _ body: (RunningCommand, Connection) throws -> Void) throws {
        // Rows of the ledger cannot be held before they are there: hold the table until the run wants to plan.
        let holder = try Connection("dbname=\(shop.database)", applicationName: "holder")
        try holder.execute("BEGIN", doing: "beginning")
        try holder.execute("LOCK TABLE nearline.quarantine IN SHARE MODE", doing: "holding")
        try shop.execute(
            """
            CREATE FUNCTION public.hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF NEW.state = 'done' AND NEW.shard = 5 THEN LOCK TABLE nearline.quarantine IN ROW EXCLUSIVE MODE; END IF;
                RETURN NEW;
            END $$;
            CREATE TRIGGER hold BEFORE UPDATE ON nearline.release_shard FOR EACH ROW EXECUTE FUNCTION public.hold()
            """)
        let running = try shop.commands.start(Self.command, with: Self.small)
        try waitUntil("the run is about to store shard 5") {
            try shop.number(
                """
                SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
                WHERE d.datname = current_database() AND NOT l.granted AND l.relation = 'nearline.quarantine'::regclass
                """) == 1
        }
        try body(running, holder)
    }

    @Test func aKilledRunGoesOnWhereItWasToTheSameBytes() throws {
        let shop = try Shop.published()
        try interrupted(shop) { running, holder in
            running.send(SIGKILL)
            _ = try running.wait()
            try holder.execute("ROLLBACK", doing: "letting go")
        }
        try shop.awaitEndOfSessions()
        #expect(try shop.currentRelease() == 1)
        #expect(
            try shop.number("SELECT count(*) FROM nearline.release_shard WHERE release = 2 AND state = 'done'") == 5)
        let written = try shop.text(
            "SELECT string_agg(xmin::text, ',' ORDER BY user_id) AS text FROM nearline.candidate_r2")
        let ended = try shop.commands.run(Self.command + ["--resume"], with: Self.small)
        #expect(ended.code == 0 && ended.errors.contains("going on with an unfinished release"), "\(ended.errors)")
        #expect(ended.errors.contains("\"done\":\"5\""), "\(ended.errors)")
        #expect(try shop.currentRelease() == 2)
        #expect(try made(shop) == undisturbed())
        // What was stored before the kill was not stored again.
        #expect(
            try shop.text("SELECT string_agg(xmin::text, ',' ORDER BY user_id) AS text FROM nearline.candidate_r2")
                .hasPrefix(written))
        #expect(try shop.number("SELECT count(*) FROM nearline.run WHERE state = 'lost'") == 1)
    }

    @Test func aRunIsNotGoneOnWithWhereSomethingIsOtherwiseNow() throws {
        let shop = try Shop.published()
        try interrupted(shop) { running, holder in
            running.send(SIGKILL)
            _ = try running.wait()
            try holder.execute("ROLLBACK", doing: "letting go")
        }
        try shop.awaitEndOfSessions()
        try shop.refuse(
            "precompute", "--as-of", Shop.asOf, "--candidates", "12", "--resume", code: 65,
            saying: ["cannot be gone on with", "settings"], with: Self.small)
        #expect(try shop.number("SELECT count(*) FROM nearline.release WHERE state = 'building'") == 1)
        let ended = try shop.commands.run(
            ["precompute", "--as-of", Shop.asOf, "--candidates", "12"], with: Self.small)
        #expect(ended.code == 0 && ended.errors.contains("dropped an unfinished release"), "\(ended.errors)")
        #expect(try shop.number("SELECT count(*) FROM nearline.release WHERE state = 'building'") == 0)
        #expect(try shop.number("SELECT count(*) FROM pg_class WHERE relname = 'candidate_r2'") == 0)
        try shop.refuse(
            "precompute", "--as-of", Shop.asOf, "--candidates", "11", "--resume", code: 65,
            saying: ["there is no unfinished release"])
    }

    @Test func anUpgradeInTheMiddleOfARunBeginsItsReleaseAnewAndHelpsNoneOfTheOldVersion() throws {
        let shop = try Shop.published()
        try interrupted(shop) { running, holder in
            // As if an older binary had begun it.
            try shop.execute(
                """
                UPDATE nearline.run SET code_version = '0.0.9' WHERE state = 'running';
                UPDATE nearline.release SET made_from = made_from || '{"nearline": "0.0.9"}' WHERE release = 2
                """)
            try shop.refuse(
                "work", "--run", "\(shop.number("SELECT max(run) FROM nearline.run"))", code: 75,
                saying: ["it was begun by nearline 0.0.9, this is "])
            running.send(SIGKILL)
            _ = try running.wait()
            try holder.execute("ROLLBACK", doing: "letting go")
        }
        try shop.awaitEndOfSessions()
        let refused = try shop.commands.run(Self.command + ["--resume"], with: Self.small)
        #expect(refused.code == 65 && refused.errors.contains("another nearline (0.0.9, now "), "\(refused.errors)")
        let ended = try shop.commands.run(Self.command, with: Self.small)
        #expect(ended.code == 0 && ended.errors.contains("dropped an unfinished release"), "\(ended.errors)")
        #expect(try shop.currentRelease() == 3)
        #expect(try made(shop) == undisturbed())
    }

    /// Vacuum may clear away what is older than the oldest of these.
    @Test func noSnapshotIsOlderThanTheShardAtWork() throws {
        let shop = try Shop.published()
        try interrupted(shop) { running, holder in
            let held =
                "FROM pg_stat_activity WHERE datname = current_database() "
                + "AND application_name LIKE 'nearline precompute%' AND (backend_xmin IS NOT NULL OR backend_xid IS NOT NULL)"
            // A heartbeat has a snapshot too, for a moment.
            try waitUntil("only the one that stores shard 5") { try shop.number("SELECT count(*) \(held)") == 1 }
            #expect(
                try shop.number(
                    "SELECT count(*) \(held) AND xact_start <= (SELECT max(written_at) FROM nearline.release_shard WHERE release = 2)"
                ) == 0)
            try holder.execute("ROLLBACK", doing: "letting go")
            #expect(try running.wait().code == 0)
        }
    }

    @Test func aStoppedRunGivesItsShardBackAndGoesOn() throws {
        let shop = try Shop.published()
        try interrupted(shop) { running, holder in
            running.send(SIGTERM)
            #expect(try running.wait().code == 143)
            try holder.execute("ROLLBACK", doing: "letting go")
        }
        #expect(
            try shop.number("SELECT count(*) FROM nearline.release_shard WHERE release = 2 AND state = 'claimed'") == 0)
        #expect(
            try shop.number("SELECT count(*) FROM nearline.release_shard WHERE release = 2 AND state = 'done'") == 5)
        let ended = try shop.commands.run(Self.command, with: Self.small)
        #expect(ended.code == 0 && ended.errors.contains("going on"), "\(ended.errors)")
        #expect(try made(shop) == undisturbed())
    }

    @Test func whatAFrozenRunSendsAfterItsLeaseIsRefused() throws {
        let shop = try Shop.published()
        try interrupted(shop) { running, holder in
            try shop.freeze(running, "precompute")
            // A minute later; the shard's lease is as old, but the frozen session holds its row.
            try shop.execute(
                "UPDATE nearline.run SET lease_until = now() - interval '1 second' WHERE state = 'running'")
            try holder.execute("ROLLBACK", doing: "letting go")
            let other = try shop.commands.run(Self.command, with: Self.small)
            #expect(other.code == 0 && other.errors.contains("going on"), "\(other.errors)")
            let stored = try made(shop)
            running.send(SIGCONT)
            let thawed = try running.wait()
            #expect(thawed.code == 75, "\(thawed.code): \(thawed.errors)")
            #expect(try made(shop) == stored)
        }
        #expect(try shop.number("SELECT count(*) FROM nearline.candidate") == 120)
        #expect(try made(shop) == undisturbed())
        #expect(try shop.number("SELECT count(*) FROM nearline.release WHERE state = 'building'") == 0)
    }

    /// Its session was ended by the run that took its place; the server is there all the same.
    @Test func aRunThatWasFrozenBeforeItsFirstShardSaysThatItWasGivenUp() throws {
        let shop = try Shop.published()
        let frozen = try shop.holding("nearline.release_shard") {
            let running = try shop.commands.start(Self.command, with: Self.small)
            try shop.awaitLockWait(of: "precompute")
            try shop.freeze(running, "precompute")
            return running
        }
        try shop.execute("UPDATE nearline.run SET lease_until = now() - interval '1 second' WHERE state = 'running'")
        let other = try shop.commands.run(Self.command, with: Self.small)
        #expect(other.code == 0, "\(other.errors)")
        frozen.send(SIGCONT)
        let thawed = try frozen.wait()
        #expect(thawed.code == 75, "\(thawed.code): \(thawed.errors)")
        #expect(try made(shop) == undisturbed())
    }

    @Test func severalProcessesMakeTheBytesOfOne() throws {
        let shop = try Shop.published()
        let ended = try shop.commands.run(Self.command + ["--workers", "3"], with: Self.small)
        #expect(ended.code == 0, "\(ended.errors)")
        #expect(try made(shop) == undisturbed())
    }

    @Test func aProcessThatJoinsMakesShardsToo() throws {
        let shop = try Shop.published()
        try interrupted(shop) { running, holder in
            let run = try shop.number("SELECT max(run) FROM nearline.run")
            let helper = try shop.commands.start(["work", "--run", "\(run)"], with: Self.small)
            // But for the shard that is held up, and the one that was read ahead before there was a helper.
            try waitUntil("the helper has made the rest") {
                try shop.number(
                    "SELECT count(*) FROM nearline.release_shard WHERE release = 2 AND state = 'done'") == 7
            }
            try holder.execute("ROLLBACK", doing: "letting go")
            let (one, two) = (try running.wait(), try helper.wait())
            #expect(one.code == 0, "\(one.errors)")
            #expect(two.code == 0 && two.output.contains("made 2 shards"), "\(two.output) \(two.errors)")
        }
        #expect(try made(shop) == undisturbed())
    }

    @Test func aRunThatCannotBeJoinedSaysWhy() throws {
        let shop = try Shop.published()
        try shop.refuse("work", "--run", "99", code: 75, saying: ["run 99 cannot be joined", "there is none"])
        try shop.refuse("work", "--run", "3", code: 75, saying: ["it is done"])
        try shop.refuse("work", "--run", "1", code: 75, saying: ["it is a import"])
    }

    /// Two containers: the same host name, and each the process with the number one.
    @Test(.enabled(if: geteuid() == 0, "namespaces are for root"))
    func processesOfTheSameHostNameAndNumberAreToldApart() throws {
        let shop = try Shop.published()
        let path = try #require(ProcessInfo.processInfo.environment["NEARLINE_BIN"])
        func contained(_ body: (RunningCommand) throws -> Void) throws {
            try body(
                try RunningCommand(
                    "/usr/bin/unshare", ["--pid", "--fork", "--mount-proc", "--kill-child", path] + Self.command,
                    environment: shop.commands.environment.merging(Self.small) { $1 }, folder: shop.folder, input: nil))
        }
        try shop.holding("nearline.fallback") {
            try contained { first in
                try shop.awaitLockWait(of: "precompute")
                try contained { second in
                    let ended = try second.wait()
                    #expect(ended.code == 75 && ended.errors.contains("already running"), "\(ended.errors)")
                }
                first.send(SIGKILL)
                _ = try first.wait()
            }
        }
        try shop.awaitEndOfSessions()
        try contained { third in
            let ended = try third.wait()
            #expect(ended.code == 0 && ended.errors.contains("going on with an unfinished release"), "\(ended.errors)")
        }
        #expect(try made(shop) == undisturbed())
    }

    @Test func ofTenStartsAtOnceExactlyOneWorks() throws {
        let shop = try Shop.published()
        let all = try (0..<10).map { _ in try shop.commands.start(Self.command + ["--again"], with: Self.small) }
        let codes = try all.map { try $0.wait().code }
        #expect(codes.filter { $0 == 0 }.count >= 1 && codes.allSatisfy { $0 == 0 || $0 == 75 }, "\(codes)")
        // Who came when the first had ended worked after it; never two at a time.
        #expect(
            try shop.number(
                """
                SELECT count(*) FROM nearline.run a JOIN nearline.run b ON b.run > a.run AND b.command = a.command
                    AND b.started_at < a.ended_at WHERE a.command = 'precompute'
                """) == 0)
    }
}
