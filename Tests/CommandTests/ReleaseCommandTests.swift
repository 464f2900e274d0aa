import Foundation
import Testing

/// What an operator does on the morning after.
@Suite struct ReleaseCommandTests {
    /// A shop with three releases; the second has shorter lists.
    private func threeReleases() throws -> Shop {
        let shop = try Shop.published()
        try shop.succeed("precompute", "--as-of", Shop.asOf, "--candidates", "10")
        try shop.succeed("precompute", "--as-of", Shop.asOf, "--again")
        return shop
    }

    @Test func rollbackServesTheReleaseBeforeWithAllThatBelongsToIt() throws {
        let shop = try threeReleases()
        let answer = try shop.succeed("rollback", "--reason", "a test")
        #expect(answer.contains("release 2 is current") && answer.contains("release 3 is rolled back"), "\(answer)")
        #expect(try shop.currentRelease() == 2)
        let user = try shop.text("SELECT min(user_id)::text AS text FROM nearline.candidate")
        #expect(try shop.number("SELECT count(*) FROM nearline.lookup(\(user))") == 10)
        #expect(try shop.succeed("rollback", "--to", "1").contains("release 1 is current"))
        try shop.refuse("rollback", code: 65, saying: ["no release before 1", "nearline releases"])
        #expect(
            try shop.text(
                "SELECT reason AS text FROM nearline.release_event WHERE release = 3 ORDER BY event DESC LIMIT 1")
                == "a test")
    }

    @Test func whatWasRolledBackIsNotChosenAgainUnlessForced() throws {
        let shop = try threeReleases()
        try shop.succeed("rollback", "--to", "1", "--reason", "bad")
        try shop.refuse("publish", "3", code: 65, saying: ["release 3 was rolled back (bad)", "--force --reason"])
        try shop.refuse("publish", "3", "--force", code: 64, saying: ["--reason"])
        #expect(try shop.succeed("publish").contains("nothing to do: release 1"))
        #expect(try shop.succeed("publish", "3", "--force", "--reason", "was fine").contains("release 3 is current"))
        try shop.succeed("rollback", "--to", "1", "--reason", "worse")
        try shop.succeed("precompute", "--as-of", Shop.asOf, "--candidates", "10", "--no-publish", "--again")
        try shop.succeed("publish")
        // Cron comes again with the very same events: the same lists would be as bad as they were.
        try shop.refuse(
            "precompute", "--as-of", Shop.asOf, code: 65, saying: ["release 3 was rolled back (worse)", "--again"])
        #expect(try shop.currentRelease() == 4)
    }

    @Test func aReleaseThatIsNotThereIsNamed() throws {
        let shop = try Shop.published()
        try shop.refuse("rollback", "--to", "99", code: 65, saying: ["there is no release 99"])
        try shop.refuse("releases", "diff", "1", "99", code: 65, saying: ["there is no release 99"])
        try shop.refuse("releases", "unpin", "99", code: 65, saying: ["there is no release 99"])
    }

    @Test func aRollbackBeforeAnythingIsPublishedSaysSo() throws {
        let shop = try Shop.imported()
        let refused = try shop.commands.run(["rollback"])
        #expect(refused.code == 66 && refused.errors.contains("nothing is published yet"), "\(refused)")
        #expect(try shop.succeed("releases").contains("there is no release yet"))
        #expect(try shop.succeed("prune").contains("nothing to prune"))
    }

    @Test func releasesAreListedWithWhatAnOperatorWantsToKnow() throws {
        let shop = try threeReleases()
        try shop.succeed("releases", "pin", "1", "--reason", "the audit")
        let list = try shop.succeed("releases")
        #expect(
            list.contains("current") && list.contains("superseded") && list.contains("pinned: the audit"), "\(list)")
        let rows = try #require(
            JSONSerialization.jsonObject(with: Data(shop.succeed("releases", "--json").utf8)) as? [[String: Any]])
        #expect(rows.map { $0["release"] as? Int } == [3, 2, 1])
        #expect(rows[0]["users"] as? Int == 60 && rows[0]["state"] as? String == "current")
        #expect((rows[0]["bytes"] as? Int ?? 0) > (rows[0]["users"] as? Int ?? 0) * 50)
    }

    @Test func aDiffOfAReleaseWithItselfMadeAgainFindsNothingAndWithAShorterOneFindsHalf() throws {
        let shop = try threeReleases()
        func diff(_ a: Int, _ b: Int) throws -> [String: Any] {
            let answer = try shop.succeed("releases", "diff", "\(a)", "\(b)", "--json")
            return try #require(JSONSerialization.jsonObject(with: Data(answer.utf8)) as? [String: Any])
        }
        let same = try diff(1, 3)
        #expect(same["users_in_both"] as? Int == 60 && same["identical_lists"] as? Int == 60)
        #expect(same["exposure_shift"] as? Double == 0 && same["mean_overlap"] as? Double == 1)
        #expect(same["transition_overlap"] as? Double == 1 && (same["transition_keys_in_both"] as? Int ?? 0) > 0)
        let half = try diff(1, 2)
        #expect(half["identical_lists"] as? Int == 0 && half["other_first_item"] as? Int == 0)
        #expect(abs((half["mean_overlap"] as? Double ?? 0) - 0.5) < 1e-9)
        #expect((half["exposure_shift"] as? Double ?? 0) > 0)
        // The same by SQL alone.
        #expect(
            try shop.number(
                "SELECT count(*) FROM nearline.release_diff(1, 2) WHERE in_a = 20 AND in_b = 10 AND shared = 10")
                == 60)
        #expect(try shop.succeed("releases", "diff", "1", "2").contains("items kept, mean"))
    }

    @Test func pruneKeepsWhatIsServedWhatIsPinnedAndTheWayBack() throws {
        let shop = try threeReleases()
        try shop.succeed("precompute", "--as-of", Shop.asOf, "--again")
        try shop.succeed("releases", "pin", "1", "--reason", "the audit")
        #expect(try shop.succeed("prune", "--keep", "2", "--dry-run").contains("would prune release 2"))
        #expect(try shop.number("SELECT count(*) FROM nearline.release WHERE pruned_at IS NOT NULL") == 0)
        #expect(try shop.succeed("prune", "--keep", "2").contains("pruned release 2"))
        #expect(try shop.number("SELECT count(*) FROM pg_class WHERE relname ~ '_r2$'") == 0)
        #expect(try shop.succeed("prune", "--keep", "2").contains("nothing to prune"))
        try shop.refuse("rollback", "--to", "2", code: 65, saying: ["release 2 were pruned"])
        try shop.refuse("lookup", "1", "--release", "2", code: 65, saying: ["release 2 were pruned"])
        #expect(try shop.succeed("releases", "--all").contains("superseded, pruned"))
        try shop.succeed("releases", "unpin", "1")
        #expect(try shop.succeed("prune", "--keep", "1").contains("pruned release 1"))
        #expect(try shop.succeed("rollback").contains("release 3 is current"))
        try shop.refuse("prune", "--min-age", "soon", code: 65, saying: ["interval"])
        try shop.refuse("prune", "--keep", "0", code: 64, saying: ["--keep"])
    }

    @Test func pruneLeavesABuildAtWorkAloneAndTakesOneThatWasKilled() throws {
        let shop = try Shop.published()
        try shop.holding("nearline.transition", in: "SHARE UPDATE EXCLUSIVE") {
            let running = try shop.commands.start(["precompute", "--as-of", Shop.asOf, "--again"])
            try shop.awaitLockWait(of: "precompute")
            #expect(try shop.succeed("prune").contains("nothing to prune"))
            #expect(try shop.number("SELECT count(*) FROM pg_class WHERE relname = 'candidate_r2'") == 1)
            running.send(SIGKILL)
            _ = try running.wait()
        }
        try shop.awaitEndOfSessions()
        #expect(try shop.succeed("prune").contains("unfinished release 2 dropped"))
        #expect(try shop.strayTables().isEmpty)
    }

    @Test func anUnloggedReleaseIsMadeServedAndMarked() throws {
        let shop = try Shop.published()
        let before = try shop.payloads(ofRelease: 1)
        try shop.succeed("precompute", "--as-of", Shop.asOf, "--again", "--unlogged")
        #expect(try shop.payloads(ofRelease: 2) == before)
        #expect(try shop.number("SELECT count(*) FROM nearline.release WHERE is_unlogged") == 1)
        #expect(try shop.succeed("doctor").contains("unlogged"))
        #expect(
            try shop.number("SELECT count(*) FROM pg_class WHERE relname = 'candidate_r2' AND relpersistence = 'u'")
                == 1)
        // As a crash of the server would.
        try shop.execute("TRUNCATE nearline.candidate_r2")
        let sick = try shop.commands.run(["doctor"])
        #expect(sick.code == 65 && sick.output.contains("has emptied it; run nearline rollback"), "\(sick)")
    }

    @Test func twoReleasesAreLookedUpSideBySide() throws {
        let shop = try threeReleases()
        let user = try shop.text("SELECT min(user_id)::text AS text FROM nearline.candidate")
        let old = try shop.succeed("lookup", user, "--release", "2", "--count", "20")
        #expect(old.contains("release 2") && old.split(separator: "\n").count == 12, "\(old)")
        #expect(try shop.number("SELECT count(*) FROM nearline.lookup_in(2, \(user))") == 10)
        #expect(try shop.number("SELECT count(*) FROM nearline.lookup_in(3, \(user))") == 20)
    }
}
