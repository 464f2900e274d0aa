import Foundation
import Testing

/// `nearline forget`: the user is nowhere afterwards, and everybody else is as before.
@Suite struct ForgetTests {
    private static let lists = """
        SELECT release || ' ' || user_id || ' ' || md5(payload) AS text FROM nearline.candidate WHERE user_id <> %
        ORDER BY 1
        """

    /// Of the one who is to be forgotten: in all four releases, the overlay, a snapshot file each, and refused rows.
    private func known(at shop: Shop) throws -> String {
        let user = try shop.text(
            """
            SELECT user_id::text AS text FROM nearline.candidate GROUP BY user_id HAVING count(*) = 4
            ORDER BY user_id LIMIT 1
            """)
        try shop.execute(
            """
            INSERT INTO nearline.overlay SELECT user_id, release, payload, now() FROM nearline.candidate
            WHERE release = (SELECT release FROM nearline.current_release);
            INSERT INTO nearline.quarantine (run, relation, reason, row_text)
            SELECT 1, 'events.csv', 'bad time', row FROM unnest(ARRAY['\(user),x,never,click', '"\(user)",x', '\(user)1,x', 'x\(user)']) row
            """)
        return user
    }

    private func others(_ user: String, _ shop: Shop) throws -> [String] {
        try shop.texts(Self.lists.replacing("%", with: user))
    }

    private func proof(_ user: String) -> String { "SELECT count(*) FROM nearline.traces_of('\(user)') WHERE rows > 0" }

    @Test func theUserIsNowhereAndEverybodyElseAsBefore() throws {
        let shop = try Shop.withHistory(), snapshots = ["NEARLINE_SNAPSHOTS": "\(shop.folder)/snapshots"]
        let user = try known(at: shop), before = try others(user, shop)
        #expect(try shop.number(proof(user)) == 6, "four lists, an overlay, refused rows")
        #expect(try shop.succeed("forget", user, "--proof", with: snapshots).contains("not forgotten"))

        let answer = try shop.succeed("forget", user, with: snapshots)
        for place in [
            "nearline.candidate_r1 (1)", "nearline.candidate_r4 (1)", "nearline.overlay_r3 (1)",
            "nearline.quarantine (2)", "release-3.nearline",
            "SELECT * FROM nearline.traces_of('\(user)') WHERE rows > 0;",
        ] {
            #expect(answer.contains(place), "'\(place)' is not in: \(answer)")
        }
        #expect(try shop.number(proof(user)) == 0)
        let proven = try shop.succeed("forget", user, "--proof", with: snapshots)
        #expect(proven.contains("this user is nowhere") && proven.contains("their events are not read"), "\(proven)")
        #expect(try others(user, shop) == before)
        #expect(try shop.number("SELECT count(*) FROM nearline.quarantine") == 2, "who only looks alike stays")
        let popular = try shop.succeed("lookup", "999999", "--count", "5", "--json")
        for more in [[], ["--snapshot", "\(shop.folder)/snapshots"]] {
            let answer = try shop.commands.run(["lookup", user, "--count", "5"] + more).output
            #expect(answer.contains("popular"), "no list of their own any more: \(answer)")
        }
        #expect(!popular.isEmpty)
        #expect(try shop.commands.run(["status", "--max-age", "100000d"], with: snapshots).code == 0)
    }

    @Test func aReleaseThatWaitsPassesItsGatesWithoutTheUser() throws {
        let shop = try Shop.withHistory(), user = try known(at: shop)
        let exposed = "SELECT sum(lists) FROM nearline.release_item WHERE release = 4"
        let before = try shop.number(exposed)
        try shop.succeed("forget", user)
        #expect(try shop.number(exposed) == before - 17, "the list of 17 counts no more")
        try shop.succeed("publish", "4")
        #expect(try shop.currentRelease() == 4)
    }

    @Test func whereAShardBeginsOrEndsAtTheUserItSaysSoNoMore() throws {
        let shop = try Shop.published()
        try shop.execute(
            """
            ALTER TABLE nearline.release_shard ADD COLUMN IF NOT EXISTS first_user text, ADD COLUMN IF NOT EXISTS end_user text;
            UPDATE nearline.release_shard SET first_user = '17', end_user = '170'
            """)
        #expect(try shop.succeed("forget", "17").contains("nearline.release_shard (1)"))
        #expect(try shop.number(proof("17")) == 0)
        #expect(try shop.number("SELECT count(*) FROM nearline.release_shard WHERE end_user = '170'") == 1)
    }

    @Test func eventsThatAreStillThereAreReadNoMore() throws {
        let shop = try Shop.published()
        let user = try shop.text("SELECT min(user_id)::text AS text FROM nearline.candidate")
        try shop.execute("INSERT INTO shop.exclusions (user_id, item_id) SELECT \(user), min(item_id) FROM shop.items")
        try shop.succeed("forget", user)
        #expect(
            try shop.number("SELECT count(*) FROM shop.events WHERE user_id = \(user)") > 0, "the source is not ours")
        for command in ["train", "precompute", "transitions"] {
            let before = try shop.number("SELECT (max(run)) FROM nearline.run")
            try shop.succeed(command, "--as-of", Shop.asOf)
            #expect(
                try shop.number("SELECT max(run) FROM nearline.run") > before,
                "\(command) sees that there are fewer events")
        }
        #expect(try shop.number(proof(user)) == 0, "neither from events nor from exclusions")
        let read =
            "SELECT (counts ->> 'events')::int FROM nearline.run WHERE command = 'train' AND state = 'done' ORDER BY run"
        let gone = try shop.number("SELECT count(*) FROM shop.events WHERE user_id = \(user)")
        #expect(try shop.number("(\(read) LIMIT 1) - (\(read) DESC LIMIT 1)") == gone)
        #expect(try shop.succeed("lookup", user, "--history", "--json").contains("\"history\":[]"))
    }

    @Test func againAndForNobodyItIsNothingToDoAndSaidSo() throws {
        let shop = try Shop.published()
        let user = try shop.text("SELECT min(user_id)::text AS text FROM nearline.candidate")
        try shop.succeed("forget", user)
        let before = try shop.contents()
        #expect(try shop.succeed("forget", user).contains("nobody to forget"))
        #expect(try shop.contents() == before)
        #expect(try shop.succeed("forget", "99999999").contains("nobody to forget"))
        try shop.refuse("forget", "abc", code: 65, saying: ["forgetting a user"])
        try shop.refuse("forget", "", code: 64, saying: ["name a user"])
        let empty = try Shop.imported()
        #expect(try empty.succeed("forget", "17").contains("nobody to forget"))
    }

    @Test func aDryRunSaysWhereTheUserIsAndChangesNothing() throws {
        let shop = try Shop.withHistory(), user = try known(at: shop), before = try shop.contents()
        let answer = try shop.succeed("forget", user, "--dry-run", "--snapshot", "\(shop.folder)/snapshots")
        #expect(answer.contains("would remove the user from nearline.candidate_r1 (1)"), "\(answer)")
        #expect(answer.contains("release-2.nearline"), "\(answer)")
        #expect(try shop.contents() == before)
    }

    @Test func whileListsAreMadeNobodyIsForgottenByHalves() throws {
        let shop = try Shop.published()
        let user = try shop.text("SELECT min(user_id)::text AS text FROM nearline.candidate")
        try shop.execute(
            """
            INSERT INTO nearline.run (command, worker, backend_pid, backend_start)
            SELECT 'precompute', gen_random_uuid(), pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()
            """)
        try shop.refuse("forget", user, code: 75, saying: ["precompute is at work", "when it has ended"])
        #expect(try shop.number("SELECT count(*) FROM nearline.forgotten") == 0)
    }

    @Test func aUserIsFoundInTextAsAWordOnly() throws {
        let shop = try Shop()
        try shop.succeed("migrate")
        for (user, text, isThere) in [
            ("17", "17,a", true), ("17", "a,17", true), ("17", "a;17;b", true), ("17", "170,a", false),
            ("17", "x17", false),
            ("17", "-17", false), ("a.b", "a.b,1", true), ("a.b", "axb,1", false),
            ("it's \"no\" (1)", "\"it's \"\"no\"\" (1)\",2", true),
            ("é+ü", "1,é+ü", true), ("\\d", "5", false), ("\\d", "\\d", true),
        ] {
            let found = try shop.connection.execute(
                "SELECT nearline.is_named_in($1, $2) AS found", [.text(user), .text(text)], doing: "looking")[0].bool(
                    "found")
            #expect(found == isThere, "\(user) in \(text)")
        }
    }
}
