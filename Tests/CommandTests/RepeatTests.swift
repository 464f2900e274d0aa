import Foundation
import Testing

/// Doing a thing twice, only planning it, and publishing later.
@Suite struct RepeatTests {
    @Test func everySecondRunIsANoOpThatSaysSo() throws {
        let shop = try Shop.published()
        let before = try shop.contents(), model = try shop.bytes(of: shop.modelFile())
        for arguments in [
            ["migrate"], ["import", "events.csv", "items.csv"], ["train", "--as-of", Shop.asOf],
            ["precompute", "--as-of", Shop.asOf], ["publish"],
        ] {
            let ended = try shop.commands.run(arguments)
            #expect(ended.code == 0 && ended.output.contains("nothing to do"), "\(arguments): \(ended.output)")
        }
        #expect(try shop.contents() == before)
        #expect(try shop.bytes(of: shop.modelFile()) == model)
    }

    @Test func aNewEventIsNoReasonToDoNothing() throws {
        let shop = try Shop.published()
        try shop.execute(
            "INSERT INTO shop.events SELECT user_id, item_id, '2025-12-31 23:00Z', 'click' FROM shop.events LIMIT 1")
        #expect(try shop.succeed("train", "--as-of", Shop.asOf).contains("trained m"))
        #expect(try shop.succeed("precompute", "--as-of", Shop.asOf).contains("release 2 is current"))
    }

    /// What cron does: no instant given, nothing new in the events.
    @Test func trainingTwiceWithoutNewEventsIsANoOpByDefaultToo() throws {
        let shop = try Shop.imported()
        #expect(try shop.succeed("train").contains("trained m"))
        #expect(try shop.succeed("train").contains("nothing to do"))
    }

    @Test(arguments: [
        ["import", "more.csv"], ["import", "more.csv", "--into", "elsewhere"], ["train", "--as-of", "2025-12-25"],
        ["precompute", "--as-of", Shop.asOf, "--candidates", "10"], ["publish"],
    ]) func dryRunSaysWhatItWouldDoAndChangesNothing(_ arguments: [String]) throws {
        let shop = try Shop.published()
        try shop.succeed("precompute", "--as-of", Shop.asOf, "--again", "--no-publish")
        try shop.write("user_id,item_id,timestamp\n1,2,2025-01-01\n", to: "more.csv")
        let before = try shop.contents(), files = try shop.files(in: "models")
        let ended = try shop.commands.run(arguments + ["--dry-run"])
        #expect(ended.code == 0, "\(ended.errors)")
        #expect(ended.output.hasPrefix("would "), "\(ended.output)")
        #expect(try shop.contents() == before)
        #expect(try shop.files(in: "models") == files)
        // The same without --dry-run is not nothing.
        _ = try shop.commands.run(arguments)
        #expect(try shop.contents() != before)
    }

    @Test func dryRunOfMigrateLeavesAnEmptyDatabaseEmpty() throws {
        let shop = try Shop()
        #expect(try shop.succeed("migrate", "--dry-run").contains("would apply 1 releases, 2 unpack"))
        #expect(try shop.contents().isEmpty)
        #expect(try shop.number("SELECT count(*) FROM pg_namespace WHERE nspname = 'nearline'") == 0)
    }

    @Test func dryRunOfAPrecomputeCountsTheUsersOfTheRelease() throws {
        let shop = try Shop.published()
        let users = try shop.number("SELECT users FROM nearline.release")
        #expect(
            try shop.succeed("precompute", "--as-of", Shop.asOf, "--again", "--dry-run").contains("for \(users) users"))
    }

    @Test func releaseThatWaitsIsServedOncePublished() throws {
        let shop = try Shop.published()
        let before = try shop.served()
        let built = try shop.succeed("precompute", "--as-of", Shop.asOf, "--candidates", "10", "--no-publish")
        #expect(built.contains("release 2 is validated"), "\(built)")
        #expect(try shop.served() == before)
        #expect(try shop.succeed("publish", "--dry-run").contains("would publish release 2"))
        #expect(try shop.served() == before)
        #expect(try shop.succeed("publish").contains("release 2 is current (60 users), in place of release 1"))
        #expect(try shop.currentRelease() == 2)
        #expect(try shop.served() != before)
        #expect(try shop.succeed("publish", "2").contains("nothing to do"))
    }

    @Test func unknownOrUnfinishedReleaseIsNotPublished() throws {
        let shop = try Shop.published()
        try shop.refuse("publish", "77", code: 65, saying: ["there is no release 77"])
        try shop.refuse("publish", "99999999999", code: 65, saying: ["there is no release 99999999999"])
        try shop.execute(
            """
            INSERT INTO nearline.release (model, as_of, serve_at, settings_hash, candidates_per_user)
            SELECT model, as_of, serve_at, 'unfinished', 5 FROM nearline.release;
            UPDATE nearline.release SET state = 'failed', reason = 'a test', pruned_at = now() WHERE release = 2
            """)
        try shop.refuse("publish", "2", code: 65, saying: ["release 2 is failed", "only a validated one"])
    }

    @Test func publishWithoutANumberNeverGoesBack() throws {
        let shop = try Shop.published()
        try shop.succeed("precompute", "--as-of", Shop.asOf, "--again", "--no-publish")
        try shop.succeed("precompute", "--as-of", Shop.asOf, "--again")
        #expect(try shop.currentRelease() == 3)
        _ = try shop.commands.run(["publish"])
        #expect(try shop.currentRelease() == 3)
        // Somebody who names it means it.
        try shop.succeed("publish", "2")
        #expect(try shop.currentRelease() == 2)
    }

    /// So that a night that was killed between building and publishing does not build once more.
    @Test func releaseThatWaitsIsPublishedInsteadOfBuiltAgain() throws {
        let shop = try Shop.published()
        try shop.succeed("precompute", "--as-of", Shop.asOf, "--candidates", "10", "--no-publish")
        try shop.succeed("precompute", "--as-of", Shop.asOf, "--candidates", "10")
        #expect(try shop.currentRelease() == 2)
        #expect(try shop.number("SELECT count(*) FROM nearline.release") == 2)
    }
}
