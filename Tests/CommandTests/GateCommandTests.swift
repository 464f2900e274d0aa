import Foundation
import Testing

/// A release that is not fit is not served, and cron hears of it.
@Suite struct GateCommandTests {
    @Test func whatWasExcludedAfterTheBuildKeepsTheReleaseBack() throws {
        let shop = try Shop.published()
        try shop.succeed("precompute", "--as-of", Shop.asOf, "--again", "--no-publish")
        let item = try shop.text(
            "SELECT item_id::text AS text FROM nearline.release_item WHERE release = 2 ORDER BY lists DESC")
        try shop.execute("INSERT INTO shop.exclusions (item_id, reason) VALUES (\(item), 'recalled')")
        let refused = try shop.refuse(
            "publish", code: 65, saying: ["excluded", "bound", "see: SELECT", "what was current still is", "--force"])
        let query = try #require(refused.errors.firstMatch(of: #/see: (SELECT.*)/#)?.1)
        #expect(try !shop.connection.execute(String(query), doing: "running the query of the gate").isEmpty)
        #expect(try shop.succeed("releases").contains("FAILED: excluded"))
        // Made again from what the source says now, it is fit.
        #expect(try shop.succeed("precompute", "--as-of", Shop.asOf).contains("release 3 is current"))
        #expect(try shop.number("SELECT count(*) FROM nearline.candidates WHERE item_id = \(item)") == 0)
        #expect(try shop.number("SELECT count(*) FROM nearline.release_gate WHERE release = 3 AND passed") >= 14)
    }

    @Test func aForcedPublicationIsRecordedWithItsReason() throws {
        let shop = try Shop.published()
        try shop.succeed("precompute", "--as-of", Shop.asOf, "--again", "--no-publish")
        let strict = ["NEARLINE_MIN_USERS": "61"]
        try shop.refuse("publish", code: 65, saying: ["users"], with: strict)
        let forced = try shop.commands.run(["publish", "--force", "--reason", "a small town"], with: strict)
        #expect(forced.code == 0 && forced.errors.contains("published by force"), "\(forced.errors)")
        #expect(try shop.currentRelease() == 2)
        #expect(
            try shop.text(
                "SELECT reason AS text FROM nearline.release_event WHERE release = 2 ORDER BY event DESC LIMIT 1")
                == "a small town")
        #expect(
            try shop.texts("SELECT gate AS text FROM nearline.release_gate WHERE release = 2 AND NOT passed") == [
                "users"
            ])
    }

    @Test func aNightThatLostHalfItsUsersKeepsTheReleaseOfYesterday() throws {
        let shop = try Shop.published()
        try shop.execute("DELETE FROM shop.events WHERE user_id % 2 = 0")
        try shop.refuse("precompute", "--as-of", Shop.asOf, code: 65, saying: ["users:", "bound", "nearline.release"])
        #expect(try shop.number("SELECT count(*) FROM nearline.release WHERE state = 'validated'") == 1)
        // The same night again comes to the same end, and builds nothing twice.
        try shop.refuse("precompute", "--as-of", Shop.asOf, code: 65, saying: ["users"])
        #expect(try shop.number("SELECT max(release) FROM nearline.release") == 2)
    }
}
