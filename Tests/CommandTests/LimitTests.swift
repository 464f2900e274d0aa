import Foundation
import Testing

/// Runs that are past their deadline, stand still, or take too much: stopped, told why, and gone on with.
@Suite struct LimitTests {
    private static let command = ["precompute", "--as-of", Shop.asOf, "--candidates", "13"]

    /// Runs the command while it cannot store its lists, and returns how it ended.
    private func heldUp(_ shop: Shop, _ limits: [String]) throws -> Ended {
        try shop.holding("nearline.fallback") {
            let running = try shop.commands.start(Self.command + limits)
            try shop.awaitLockWait(of: "precompute")
            return try running.wait()
        }
    }

    private func goesOn(_ shop: Shop) throws {
        #expect(try shop.text("SELECT state AS text FROM nearline.run ORDER BY run DESC LIMIT 1") == "stopped")
        #expect(try shop.text("SELECT state AS text FROM nearline.release WHERE release = 2") == "building")
        #expect(try shop.currentRelease() == 1)
        let again = try shop.commands.run(Self.command)
        #expect(again.code == 0 && again.errors.contains("going on with an unfinished release"), "\(again.errors)")
        #expect(try shop.currentRelease() == 2)
    }

    @Test func aRunIsStoppedAtItsDeadlineAndGoneOnWith() throws {
        let shop = try Shop.published(), ended = try heldUp(shop, ["--deadline", "8s"])
        #expect(ended.code == 75 && ended.errors.contains("nearline precompute: the deadline 2"), "\(ended.errors)")
        try goesOn(shop)
    }

    @Test func aRunThatStandsStillIsStoppedAndSaysWhereItStood() throws {
        let shop = try Shop.published(), ended = try heldUp(shop, ["--stall", "5s"])
        #expect(ended.code == 75 && ended.errors.contains("nothing has moved for 5s while "), "\(ended.errors)")
        // The main thread waits in libpq, its session for a lock.
        #expect(ended.errors.contains("libpq.so.5 PQ"), "\(ended.errors)")
        #expect(ended.errors.contains("\"wait\":\"Lock relation\""), "\(ended.errors)")
        try goesOn(shop)
    }

    @Test func aRunThatTakesTooMuchMemoryIsStopped() throws {
        let shop = try Shop.published()
        // Held up, but not waited for: it may be stopped before it comes to the lock.
        let ended = try shop.holding("nearline.fallback") {
            try shop.commands.run(Self.command + ["--max-memory", "4"])
        }
        #expect(ended.code == 75 && ended.errors.contains("more than --max-memory 4"), "\(ended.errors)")
    }

    @Test func aRunThatIsSlowButMovesIsNotTakenForOneThatStands() throws {
        let shop = try Shop.published()
        try shop.execute(
            """
            CREATE FUNCTION public.wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(2); RETURN NEW; END $$;
            CREATE TRIGGER wait BEFORE UPDATE OF written_at ON nearline.release_shard FOR EACH ROW
            EXECUTE FUNCTION public.wait()
            """)
        let ended = try shop.commands.run(
            Self.command + ["--stall", "5s"], with: ["NEARLINE_SHARD_USERS": "15"])
        #expect(ended.code == 0, "\(ended.errors)")
        #expect(
            try shop.number(
                "SELECT extract(epoch FROM ended_at - started_at) FROM nearline.run ORDER BY run DESC LIMIT 1")
                > 5)
    }

    @Test func limitsThatAreNotReachedChangeNothing() throws {
        let shop = try Shop.published()
        try shop.succeed("precompute", "--as-of", Shop.asOf, "--again", "--deadline", "1h", "--max-memory", "100000")
        #expect(try shop.currentRelease() == 2)
    }
}
