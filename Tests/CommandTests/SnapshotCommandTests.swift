import Foundation
import Testing

/// Snapshot files beside the tables: written, served, taken back and removed with their releases.
@Suite struct SnapshotCommandTests {
    private func folder(_ shop: Shop) -> String { shop.folder + "/snapshots" }

    private func link(_ shop: Shop) throws -> String {
        try FileManager.default.destinationOfSymbolicLink(atPath: folder(shop) + "/current.nearline")
    }

    private func files(_ shop: Shop) throws -> [String] { try shop.files(in: "snapshots").sorted() }

    @Test func theLinkGoesWithThePointerForwardsAndBack() throws {
        let shop = try Shop.published(), settings = ["NEARLINE_SNAPSHOTS": folder(shop)]
        #expect(
            try shop.succeed("publish", with: settings).contains("snapshot release-1.nearline"), "for what is current")
        #expect(try link(shop) == "release-1.nearline")
        try shop.succeed("precompute", "--as-of", Shop.asOf, "--again", with: settings)
        #expect(try link(shop) == "release-2.nearline")
        try shop.succeed("rollback", with: settings)
        #expect(try link(shop) == "release-1.nearline")
        #expect(try files(shop) == ["current.nearline", "release-1.nearline", "release-2.nearline"])
        try shop.succeed("precompute", "--as-of", Shop.asOf, "--again", with: settings)
        try shop.succeed("prune", "--keep", "2", with: settings)
        #expect(try files(shop) == ["current.nearline", "release-1.nearline", "release-3.nearline"])
    }

    @Test func aListIsLookedUpInAFileWithoutAnyDatabase() throws {
        let shop = try Shop.published()
        try shop.succeed("publish", "--snapshot", folder(shop))
        let nowhere = ["PGHOST": "/nowhere"]
        func items(_ answer: String) throws -> [[String: Any]] {
            let facts = try #require(JSONSerialization.jsonObject(with: Data(answer.utf8)) as? [String: Any])
            return try #require(facts["items"] as? [[String: Any]])
        }
        for user in [try shop.text("SELECT min(user_id)::text AS text FROM nearline.candidate"), "999999"] {
            let expected = try items(shop.succeed("lookup", user, "--count", "20", "--json"))
            for path in [folder(shop), folder(shop) + "/release-1.nearline"] {
                let found = try items(
                    shop.succeed("lookup", user, "--count", "20", "--json", "--snapshot", path, with: nowhere))
                #expect(found.count == 20)
                #expect(found.map { $0["item"] as? String } == expected.map { $0["item"] as? String })
                #expect(found.map { $0["score"] as? Double } == expected.map { $0["score"] as? Double })
            }
        }
        #expect(try shop.commands.run(["lookup", "x", "--snapshot", folder(shop)]).code == 65)
        #expect(try shop.commands.run(["lookup", "1", "--snapshot", "\(shop.folder)/none"]).code == 66)
        try shop.write("no snapshot", to: "text")
        #expect(try shop.commands.run(["lookup", "1", "--snapshot", "\(shop.folder)/text"]).code == 65)
        #expect(try shop.commands.run(["lookup", "--any", "--snapshot", folder(shop)]).code == 64)
    }

    @Test func theSameReleaseGivesTheSameBytes() throws {
        let shop = try Shop.published()
        for name in ["a", "b"] { try shop.succeed("publish", "--snapshot", "\(shop.folder)/\(name)") }
        #expect(
            try shop.bytes(of: "\(shop.folder)/a/release-1.nearline")
                == shop.bytes(of: "\(shop.folder)/b/release-1.nearline")
        )
    }

    @Test func aDamagedFileIsWrittenAgainAndOneThatWasLeftHalfWrittenRemoved() throws {
        let shop = try Shop.published(), path = folder(shop) + "/release-1.nearline"
        try shop.succeed("publish", "--snapshot", folder(shop))
        let whole = try shop.bytes(of: path)
        var damaged = whole
        damaged[damaged.count / 2] ^= 0x10
        try damaged.write(to: URL(fileURLWithPath: path))
        try whole.prefix(1000).write(to: URL(fileURLWithPath: folder(shop) + "/release-9.nearline.partial"))
        try shop.succeed("publish", "--snapshot", folder(shop))
        #expect(try shop.bytes(of: path) == whole)
        try shop.succeed("prune", "--snapshot", folder(shop))
        #expect(try files(shop) == ["current.nearline", "release-1.nearline"])
    }

    @Test func aFolderThatCannotBeWrittenLeavesTheOldReleaseServed() throws {
        let shop = try Shop.published()
        try shop.write("a file", to: "taken")
        try shop.refuse(
            "precompute", "--as-of", Shop.asOf, "--again", "--snapshot", "\(shop.folder)/taken", code: 74,
            saying: ["cannot write", "taken"])
        #expect(try shop.currentRelease() == 1)
        // Built and waiting: with another folder it goes on from there.
        #expect(try shop.succeed("publish", "--snapshot", folder(shop)).contains("release 2 is current"))
        #expect(try link(shop) == "release-2.nearline")
    }
}
