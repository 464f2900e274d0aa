import Foundation
import Testing

/// `kill -9` before, during and after statements of each command that moves releases: run again, it ends in the same state
/// as one that nobody disturbed, with no table and no file too many.
@Suite struct KillPointTests {
    struct Story: Sendable, CustomTestStringConvertible {
        let name: String
        let command: [String]
        var settings: [String: String] = [:]
        var testDescription: String { name }
    }

    /// On a shop with releases 1 to 3 served, 4 waiting, and snapshot files of what was served.
    static let stories = [
        Story(name: "publish", command: ["publish", "4"]),
        Story(name: "rollback", command: ["rollback", "--to", "2", "--reason", "a test"]),
        Story(name: "prune", command: ["prune", "--keep", "1"]),
        Story(name: "snapshot", command: ["publish", "3"]),
        // The release that waits is made from the very same, and is published without being built again.
        Story(name: "precompute", command: ["precompute", "--as-of", Shop.asOf, "--candidates", "17"]),
        // From the plan to the pointer, in nine shards; a snapshot file would hold when its release was built.
        Story(
            name: "build", command: ["precompute", "--as-of", Shop.asOf, "--candidates", "13"],
            settings: ["NEARLINE_SHARD_USERS": "7", "NEARLINE_SNAPSHOTS": ""]),
    ]

    private static let pointsPerMoment = 5

    @Test(arguments: stories, KillingProxy.Moment.allCases)
    func aKilledCommandRunAgainEndsInTheSameState(_ story: Story, _ moment: KillingProxy.Moment) throws {
        let (expected, _, statements, _) = try undisturbed(story)
        // A step that shares no factor with the number of statements would be luck; ends are always among the points.
        let points = (0..<Self.pointsPerMoment).map { 1 + $0 * (statements - 1) / (Self.pointsPerMoment - 1) }
        for point in Set(points).sorted() {
            let shop = try Self.shop(for: story)
            let proxy = try KillingProxy(at: (point, moment))
            defer { proxy.close() }
            let running = try shop.commands.start(story.command, with: settings(story, shop, proxy))
            proxy.aim(at: running.identifier)
            let ended = try running.wait()
            #expect(ended.code == 137, "statement \(point) of \(statements): \(ended.errors)")
            try shop.awaitEndOfSessions()
            try readersAreServed(shop)
            let again = try shop.commands.run(
                story.command, with: ["NEARLINE_SNAPSHOTS": Self.snapshots(shop)].merging(story.settings) { $1 })
            #expect(again.code == 0, "statement \(point), \(moment): \(again.errors)")
            let found = try state(shop)
            #expect(found == expected, "statement \(point) of \(statements), \(moment): \(again.output)")
        }
    }

    /// The server has committed, and the answer is lost on the way: whoever asked cannot know, and does nothing twice.
    @Test(arguments: stories)
    func aCommitWhoseAnswerIsLostIsNotDoneTwice(_ story: Story) throws {
        let calm = try undisturbed(story), commits = calm.commits
        try #require(!commits.isEmpty)
        let points = Set([0, commits.count / 3, 2 * commits.count / 3, commits.count - 1].map { commits[$0] })
        for point in points.sorted() {
            let shop = try Self.shop(for: story), proxy = try KillingProxy(at: (point, .after), cuts: true)
            defer { proxy.close() }
            let ended = try shop.commands.run(story.command, with: settings(story, shop, proxy))
            #expect(proxy.hits == point, "the run was not cut")
            #expect([0, 69, 75].contains(ended.code), "statement \(point): \(ended.code) \(ended.errors)")
            try shop.awaitEndOfSessions()
            try readersAreServed(shop)
            let again = try shop.commands.run(
                story.command, with: ["NEARLINE_SNAPSHOTS": Self.snapshots(shop)].merging(story.settings) { $1 })
            #expect(again.code == 0, "statement \(point): \(again.errors)")
            // A release whose beginning is in doubt was not planned: it is dropped, and the next number is begun.
            let isBegunAnew = try shop.number("SELECT count(*) FROM nearline.release WHERE state = 'failed'") == 1
            #expect(
                try isBegunAnew ? served(shop) == calm.served : state(shop) == calm.state,
                "statement \(point): \(ended.errors) \(again.output)")
            #expect(!isBegunAnew || story.name == "build")
            #expect(try shop.number("SELECT count(*) FROM nearline.release WHERE state = 'building'") == 0)
            #expect(try shop.strayTables().isEmpty)
            #expect(
                try shop.number(
                    """
                    SELECT count(*) FROM (SELECT FROM nearline.release_event WHERE was IS NOT NULL GROUP BY release, was, becomes
                        HAVING count(*) > 1) twice
                    """) == 0)
        }
    }

    private func served(_ shop: Shop) throws -> String { try shop.payloads(ofRelease: shop.currentRelease()) }

    private func undisturbed(
        _ story: Story
    ) throws -> (state: String, served: String, statements: Int, commits: [Int]) {
        let shop = try Self.shop(for: story)
        let proxy = try KillingProxy(at: nil)
        defer { proxy.close() }
        let ended = try shop.commands.run(story.command, with: settings(story, shop, proxy))
        try #require(ended.code == 0, "\(ended.errors)")
        return (try state(shop), try served(shop), proxy.statementsSeen, proxy.commitsSeen)
    }

    private static func shop(for story: Story) throws -> Shop {
        let shop = try Shop.withHistory()
        // The file of the current release is the one to write.
        if story.name == "snapshot" { try FileManager.default.removeItem(atPath: snapshots(shop)) }
        return shop
    }

    private static func snapshots(_ shop: Shop) -> String { shop.folder + "/snapshots" }

    private func settings(_ story: Story, _ shop: Shop, _ proxy: KillingProxy) -> [String: String] {
        ["NEARLINE_SNAPSHOTS": Self.snapshots(shop), "PGHOST": proxy.folder].merging(story.settings) { $1 }
    }

    /// Whatever was cut off: the pointer leads to a whole release, and the link to a file.
    private func readersAreServed(_ shop: Shop) throws {
        let current = try shop.currentRelease()
        #expect(try shop.number("SELECT count(*) FROM nearline.candidate WHERE release = \(current)") == 60)
        #expect(
            try shop.number("SELECT count(*) FROM nearline.release WHERE state = 'current' AND release = \(current)")
                == 1)
    }

    /// Everything that is left, but times and the ledger of runs: what is killed there is lost, and says so.
    private func state(_ shop: Shop) throws -> String {
        var parts = [
            try shop.text(
                """
                SELECT string_agg(concat_ws(' ', release, state, pruned_at IS NOT NULL, pin_reason), ', ' ORDER BY release)
                    AS text FROM nearline.release
                """),
            try shop.text(
                """
                SELECT string_agg(concat_ws(' ', c.relname, i.inhparent::regclass, i.inhdetachpending), ', '
                    ORDER BY c.relname) AS text
                FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
                WHERE c.relnamespace = 'nearline'::regnamespace AND c.relkind = 'r' AND c.relname ~ '_r[0-9]+$'
                """),
            try shop.text(
                """
                SELECT concat_ws(' ', (SELECT string_agg(release::text, ',' ORDER BY release) FROM nearline.fallback),
                    (SELECT string_agg(DISTINCT release::text, ',') FROM nearline.release_cluster),
                    (SELECT string_agg(DISTINCT release::text, ',') FROM nearline.release_shard),
                    (SELECT release FROM nearline.current_release)) AS text
                """),
        ]
        parts += try shop.texts(
            "SELECT release::text AS text FROM nearline.release WHERE pruned_at IS NULL ORDER BY release"
        ).map {
            try shop.payloads(ofRelease: Int($0)!)
        }
        for file in try shop.files(in: "snapshots") {
            let path = "\(Self.snapshots(shop))/\(file)"
            let target = try? FileManager.default.destinationOfSymbolicLink(atPath: path)
            parts.append("\(file) \(try target ?? "\(hash(shop.bytes(of: path)))")")
        }
        return parts.joined(separator: "\n")
    }

    /// FNV-1a.
    private func hash(_ bytes: Data) -> UInt64 {
        bytes.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }
}
