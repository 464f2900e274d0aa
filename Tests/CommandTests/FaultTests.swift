import Foundation
import Postgres
import Synchronization
import Testing

/// Sessions that are ended, and a server that takes no changes, in the middle of a run: it finishes, or is gone on with, and
/// the old release is served meanwhile.
@Suite struct FaultTests {
    private static let command = ["precompute", "--as-of", Shop.asOf, "--candidates", "13"]
    private static let small = ["NEARLINE_SHARD_USERS": "2"]

    /// Looks lists up as fast as it can while something happens; returns how many were found, and what went wrong.
    private func reading(_ shop: Shop, _ body: () throws -> Void) throws -> (lists: Int, faults: [String]) {
        let isOver = Atomic<Bool>(false), counted = Mutex<(Int, [String])>((0, [])), ended = DispatchSemaphore(value: 0)
        let database = shop.database, user = try shop.number("SELECT min(user_id) FROM nearline.candidate")
        Thread.detachNewThread {
            defer { ended.signal() }
            do {
                let connection = try Connection("dbname=\(database)", applicationName: "a reader")
                while !isOver.load(ordering: .relaxed) {
                    let rows = try connection.execute(
                        "SELECT count(*) AS n FROM nearline.candidates WHERE user_id = \(user)", doing: "looking up")
                    // Twenty in the old release, thirteen in the new one.
                    let isWhole = try [13, Shop.candidates].contains(rows[0].int("n"))
                    counted.withLock {
                        $0.0 += 1
                        if !isWhole { $0.1.append("\(rows)") }
                    }
                }
            } catch {
                counted.withLock { $0.1.append("\(error)") }
            }
        }
        try body()
        isOver.store(true, ordering: .relaxed)
        ended.wait()
        return counted.withLock { $0 }
    }

    @Test func sessionsThatAreEndedAgainAndAgainChangeNoByte() throws {
        let calm = try Shop.published()
        try #require(try calm.commands.run(Self.command, with: Self.small).code == 0)
        let whole = try calm.payloads(ofRelease: calm.currentRelease())
        let shop = try Shop.published()
        // A sequence counts on where a transaction is taken back: no shard is hit for ever.
        try shop.execute(
            """
            CREATE SEQUENCE public.stored;
            CREATE SEQUENCE public.struck;
            CREATE FUNCTION public.strike() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF NEW.state = 'done' AND nextval('public.stored') % 6 = 0 THEN
                    PERFORM nextval('public.struck') FROM (
                        SELECT pid FROM pg_stat_activity WHERE application_name ~ '^nearline (precompute|work)'
                            AND datname = current_database() ORDER BY random() LIMIT 1) one
                        WHERE pg_terminate_backend(pid);
                END IF;
                RETURN NEW;
            END $$;
            CREATE TRIGGER strike BEFORE UPDATE ON nearline.release_shard FOR EACH ROW EXECUTE FUNCTION public.strike()
            """)
        let read = try reading(shop) {
            let ended = try shop.commands.run(Self.command + ["--workers", "2"], with: Self.small)
            #expect([0, 69].contains(ended.code), "\(ended.errors)")
            if ended.code != 0 { #expect(try shop.commands.run(Self.command, with: Self.small).code == 0) }
        }
        #expect(try shop.number("SELECT last_value FROM public.struck") >= 4, "hardly any session was ended")
        #expect(read.lists > 0 && read.faults.isEmpty, "\(read.faults.prefix(3))")
        #expect(try shop.payloads(ofRelease: shop.currentRelease()) == whole)
        #expect(try shop.strayTables().isEmpty)
    }

    /// As a server says it of a deadlock, of transactions that cannot stand in a row, and of a standby's recovery.
    @Test(arguments: ["40001", "40P01", "55P03"])
    func whatMayPassIsTriedAgainToTheSameBytes(_ state: String) throws {
        let calm = try Shop.published()
        try #require(try calm.commands.run(Self.command, with: Self.small).code == 0)
        let shop = try Shop.published()
        try raise(state, everyThirdShardOf: shop)
        let ended = try shop.commands.run(Self.command, with: Self.small)
        #expect(ended.code == 0 && ended.errors.contains("SQLSTATE \(state)"), "\(ended.errors)")
        #expect(try shop.number("SELECT last_value FROM public.stored") > 30, "hardly any was refused")
        #expect(try shop.payloads(ofRelease: 2) == calm.payloads(ofRelease: 2))
        #expect(try shop.number("SELECT max(term) FROM nearline.release_shard WHERE release = 2") > 1)
    }

    @Test func whatWillNotPassIsTriedOnce() throws {
        let shop = try Shop.published()
        try raise("22012", everyThirdShardOf: shop)
        let ended = try shop.commands.run(Self.command, with: Self.small)
        #expect(ended.code == 65 && !ended.errors.contains("trying again"), "\(ended.code): \(ended.errors)")
        #expect(try shop.number("SELECT last_value FROM public.stored") == 3)
        #expect(try shop.currentRelease() == 1)
    }

    @Test(arguments: ["40001", "40P01"])
    func aRefreshTriesAgainToo(_ state: String) throws {
        let shop = try Shop.refreshing(), users = try shop.users(3)
        for user in users { try shop.click(user) }
        try raise(state, at: "INSERT ON nearline.overlay_r1", where: "nextval('public.stored') <= 2", of: shop)
        let ended = try shop.commands.run(["refresh"])
        #expect(ended.code == 0 && ended.errors.contains("SQLSTATE \(state)"), "\(ended.errors)")
        #expect(try shop.overlay() == users.map { "1 \($0)" })
        #expect(try shop.waiting() == 0)
    }

    private func raise(_ state: String, everyThirdShardOf shop: Shop) throws {
        try raise(
            state, at: "UPDATE OF written_at ON nearline.release_shard", where: "nextval('public.stored') % 3 = 0",
            of: shop)
    }

    /// A sequence counts on where a transaction is taken back.
    private func raise(_ state: String, at change: String, where condition: String, of shop: Shop) throws {
        try shop.execute(
            """
            CREATE SEQUENCE public.stored;
            CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF \(condition) THEN RAISE EXCEPTION 'a test' USING ERRCODE = '\(state)'; END IF;
                RETURN NEW;
            END $$;
            CREATE TRIGGER refuse BEFORE \(change) FOR EACH ROW EXECUTE FUNCTION public.refuse()
            """)
    }

    @Test func aServerThatIsAwayForAWhileIsWaitedFor() throws {
        let calm = try Shop.published()
        try #require(try calm.commands.run(Self.command, with: Self.small).code == 0)
        let whole = try calm.payloads(ofRelease: calm.currentRelease())
        let shop = try Shop.published()
        try shop.makeRoles()
        let worker = try RoleLogin("worker", at: shop)
        // The third shard takes its time, once.
        try shop.execute(
            """
            CREATE SEQUENCE public.stored;
            GRANT USAGE ON SEQUENCE public.stored TO nearline_worker;
            CREATE FUNCTION public.wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF NEW.state = 'done' AND NEW.shard = 2 AND nextval('public.stored') = 1 THEN PERFORM pg_sleep(60); END IF;
                RETURN NEW;
            END $$;
            CREATE TRIGGER wait BEFORE UPDATE ON nearline.release_shard FOR EACH ROW EXECUTE FUNCTION public.wait()
            """)
        let running = try shop.commands.start(Self.command, with: Self.small.merging(["PGUSER": worker.name]) { $1 })
        let sessions =
            "FROM pg_stat_activity WHERE usename = '\(worker.name)' AND application_name LIKE 'nearline precompute%'"
        try waitUntil("the third shard") {
            try shop.number("SELECT count(*) \(sessions) AND wait_event = 'PgSleep'") == 1
        }
        try shop.execute("ALTER ROLE \"\(worker.name)\" CONNECTION LIMIT 0")
        try #require(try shop.number("SELECT count(pg_terminate_backend(pid)) \(sessions)") >= 2)
        // The first is for the lost session, the second for a server that lets nobody in.
        try waitUntil("a second attempt") { try running.errorsSoFar.contains("\"attempt\":\"2\"") }
        try shop.execute("ALTER ROLE \"\(worker.name)\" CONNECTION LIMIT -1")
        let ended = try running.wait()
        #expect(ended.code == 0, "\(ended.errors)")
        #expect(try shop.payloads(ofRelease: shop.currentRelease()) == whole)
    }

    @Test func aServerThatTakesNoChangesIsNamedAndTheRunGoneOnWith() throws {
        let shop = try Shop.published()
        try shop.execute("ALTER DATABASE \(shop.database) SET default_transaction_read_only = on")
        let read = try reading(shop) {
            let ended = try shop.commands.run(Self.command, with: Self.small)
            #expect(ended.code == 69 && ended.errors.contains("this server takes no changes"), "\(ended.errors)")
        }
        #expect(read.lists > 0 && read.faults.isEmpty, "\(read.faults.prefix(3))")
        try shop.execute("SET default_transaction_read_only = off")
        try shop.execute("ALTER DATABASE \(shop.database) RESET default_transaction_read_only")
        let again = try shop.commands.run(Self.command, with: Self.small)
        #expect(again.code == 0, "\(again.errors)")
        #expect(try shop.currentRelease() == 2)
    }
}
