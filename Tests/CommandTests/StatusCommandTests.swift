import Foundation
import Testing

/// `nearline status`: its exit code is what monitoring goes by, its first line what a person reads at night.
@Suite struct StatusCommandTests {
    /// More than the age of the test's events, whenever it runs.
    private static let forever = "100000d"

    private func facts(_ ended: Ended) throws -> [String: Any] {
        try #require(JSONSerialization.jsonObject(with: Data(ended.output.utf8)) as? [String: Any])
    }

    private func status(_ shop: Shop, _ more: String...) throws -> Ended {
        try shop.commands.run(["status", "--max-age", Self.forever] + more)
    }

    @Test func nothingPublishedIsSaidWithACodeOfItsOwn() throws {
        let shop = try Shop.imported()
        let ended = try status(shop)
        #expect(ended.code == 66)
        #expect(ended.output.hasPrefix("NOT WELL: nothing is published"), "\(ended.output)")
    }

    @Test func whatIsYoungEnoughIsWellAndWhatIsOlderIsLate() throws {
        let shop = try Shop.published()
        let well = try status(shop)
        #expect(well.code == 0)
        #expect(well.output.hasPrefix("well: release 1 is served"), "\(well.output)")
        let late = try shop.commands.run(["status", "--max-age", "26h"])
        #expect(late.code == 75)
        #expect(late.output.hasPrefix("NOT WELL: the events of release 1 are"), "\(late.output)")
        for age in ["26", "h", "-1h", "0d", "1w", "1.5h"] {
            #expect(try shop.commands.run(["status", "--max-age=\(age)"]).code == 64, "\(age)")
        }
    }

    @Test func aReleaseThatWasEmptiedIsNotWellHoweverYoung() throws {
        let shop = try Shop.published()
        try shop.execute("TRUNCATE nearline.candidate_r1")
        let ended = try status(shop)
        #expect(ended.code == 65)
        #expect(ended.output.contains("holds none"), "\(ended.output)")
    }

    @Test func aSnapshotLinkThatIsBehindIsNotWellUntilItFollows() throws {
        let shop = try Shop.published(), folder = "\(shop.folder)/snapshots"
        let none = try status(shop, "--snapshot", folder)
        #expect(none.code == 65)
        #expect(none.output.contains("the snapshot link names nothing"), "\(none.output)")
        try shop.succeed("publish", "--snapshot", folder)
        #expect(try status(shop, "--snapshot", folder).code == 0)
        try shop.succeed("precompute", "--as-of", Shop.asOf, "--again")
        let behind = try status(shop, "--snapshot", folder)
        #expect(behind.code == 65)
        #expect(behind.output.contains("release 2 is current, the snapshot link names release 1"), "\(behind.output)")
        try shop.succeed("publish", "--snapshot", folder)
        var bytes = try shop.bytes(of: folder + "/release-2.nearline")
        bytes[20] ^= 1
        try bytes.write(to: URL(fileURLWithPath: folder + "/release-2.nearline"))
        #expect(try status(shop, "--snapshot", folder).code == 65)
    }

    @Test func aDatabaseThatIsNotThereOrNotMigratedHasItsOwnCode() throws {
        let shop = try Shop()
        #expect(try status(shop).code == 76)
        #expect(try shop.commands.run(["status"], with: ["PGHOST": "/nowhere"]).code == 69)
    }

    @Test func whatSomebodyShouldLookAtIsNotedAndChangesNoCode() throws {
        let shop = try Shop.withHistory()
        try shop.execute(
            """
            INSERT INTO nearline.run (command, worker, backend_pid, state, ended_at, error)
            SELECT command, gen_random_uuid(), 1, state, now(), 'why'
            FROM (VALUES ('train', 'failed'), ('refresh', 'lost')) AS ended (command, state);
            INSERT INTO nearline.release (model, as_of, serve_at, settings_hash, candidates_per_user)
            SELECT model, now(), now(), 'x', 1 FROM nearline.model
            """)
        let ended = try status(shop)
        #expect(ended.code == 0)
        for note in [
            "release 4 waits, nobody published it", "nobody at work: release 5", "1 runs of the last day",
            "the last train",
        ] {
            #expect(ended.output.contains(note), "'\(note)' is not in: \(ended.output)")
        }
    }

    @Test func machinesGetTheFactsThatTheViewHas() throws {
        let shop = try Shop.published()
        let before = try shop.contents()
        let well = try facts(status(shop, "--json"))
        #expect(try shop.contents() == before, "status changes nothing")
        let users = try shop.number("SELECT users FROM nearline.status")
        #expect(well["is_well"] as? Bool == true && well["release"] as? Int == 1 && well["users"] as? Int == users)
        let commands = try #require(well["commands"] as? [[String: Any]])
        #expect(commands.compactMap { $0["command"] as? String } == ["import", "precompute", "train"])
        #expect(commands.allSatisfy { $0["last_success"] as? Int == $0["run"] as? Int })
        let late = try shop.commands.run(["status", "--json"])
        #expect(late.code == 75)
        #expect(try facts(late)["code"] as? Int == 75)
    }
}
