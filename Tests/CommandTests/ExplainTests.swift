import Foundation
import Postgres
import Testing

/// What `nearline explain` says of lists that are served.
@Suite struct ExplainTests {
    private struct Answer: Decodable {
        struct Item: Decodable {
            let item: String
            let rank: Int?
            let rankBeforeRules: Int?
            let parts: [String: Double]
            let verdict: String?
        }
        struct Session: Decodable {
            let startsAt: String
            let items: Int
            let weight: Double
        }
        let isMerged: Bool
        let origin: String
        let listed: Int
        let sources: [String: Int]
        let changedPlaces: Int
        let items: [Item]
        let sessions: [Session]
    }

    private func explain(_ shop: Shop, _ arguments: String...) throws -> Answer {
        let ended = try shop.commands.run(["explain", "--json"] + arguments)
        try #require(ended.code == 0, "\(arguments): \(ended.errors)")
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(Answer.self, from: Data(ended.output.utf8))
    }

    private func list(_ shop: Shop, of user: String) throws -> [String] {
        try shop.connection.execute(
            "SELECT item_id::text AS item FROM nearline.lookup($1) ORDER BY rank", [.text(user)], doing: "looking up"
        ).map { try $0.string("item") }
    }

    /// Whoever has done most.
    private func user(_ shop: Shop) throws -> String {
        try shop.text(
            "SELECT user_id::text AS text FROM shop.events GROUP BY user_id ORDER BY count(*) DESC, 1 LIMIT 1")
    }

    @Test func aListIsMadeOnceMoreAsItIsStoredAndEveryPlaceSaysWhatSpeaksForIt() throws {
        let shop = try Shop.published()
        // What brings a user's items is learned, and may be one source alone.
        let user = try shop.text(
            """
            SELECT user_id::text AS text FROM nearline.candidates
            GROUP BY user_id ORDER BY count(DISTINCT source) DESC, user_id LIMIT 1
            """)
        let stored = try list(shop, of: user), found = try explain(shop, user)
        #expect(found.isMerged && found.origin == "own" && found.changedPlaces == 0)
        #expect(found.listed == Shop.candidates && found.sources.values.reduce(0, +) == Shop.candidates)
        #expect(found.sources.count > 1, "\(found.sources)")
        #expect(found.items.map(\.item) == Array(stored.prefix(10)))
        #expect(found.items.map(\.rank) == Array(1...10))
        #expect(found.items.allSatisfy { Set($0.parts.keys) == ["model", "repeat", "transition", "popular"] })
        // Nobody is denied anything, so that rules change no rank.
        #expect(found.items.map(\.rankBeforeRules) == Array(1...10))
        #expect(found.sessions.map(\.weight) == found.sessions.map(\.weight).sorted(by: >))
        #expect(found.sessions.contains { $0.weight > 0 } && found.sessions.allSatisfy { $0.items > 0 })
    }

    @Test func theRuleThatDroppedAnItemIsNamed() throws {
        let shop = try Shop.published(), user = try user(shop), before = try list(shop, of: user)
        try shop.execute(
            """
            CREATE TABLE IF NOT EXISTS shop.exclusions (item_id bigint NOT NULL, user_id bigint);
            INSERT INTO shop.exclusions (item_id, user_id) VALUES (\(before[0]), \(user)), (\(before[1]), NULL);
            """)
        #expect(try explain(shop, user).changedPlaces > 0, "made now, the list would be another one")
        try shop.succeed("precompute", "--as-of", Shop.asOf)
        let own = try #require(try explain(shop, user, before[0]).items.first)
        #expect(own.verdict?.hasPrefix("dropped: an exclusion of this user") == true && own.rank == nil)
        #expect(own.rankBeforeRules == 1)
        let everybodys = try #require(try explain(shop, user, before[1]).items.first)
        #expect(everybodys.verdict?.hasPrefix("dropped: nobody gets it") == true && everybodys.rank == nil)
        let listed = try #require(try explain(shop, user, try list(shop, of: user)[0]).items.first)
        #expect(listed.verdict?.hasPrefix("place 1 of the list") == true && listed.rank == 1)
    }

    @Test func anItemThatIsNotListedSaysHowFarItWasFromIt() throws {
        let shop = try Shop.published(), user = try user(shop)
        let other = try shop.text(
            """
            SELECT item_id::text AS text FROM shop.events
            WHERE item_id::text NOT IN (SELECT item_id::text FROM nearline.lookup('\(user)')) ORDER BY item_id LIMIT 1
            """)
        let found = try #require(try explain(shop, user, other).items.first)
        #expect(found.verdict?.hasPrefix("not listed") == true && found.rank == nil)
        #expect(found.rankBeforeRules.map { $0 > Shop.candidates } == true)
        let unknown = try #require(try explain(shop, user, "987654321").items.first)
        #expect(unknown.verdict?.contains("nearline train") == true && unknown.parts.isEmpty)
    }

    @Test func aUserWithoutEventsHasThePopularList() throws {
        let shop = try Shop.published(), found = try explain(shop, "987654321")
        #expect(found.origin == "fallback" && found.items.isEmpty && found.sources == ["popular": found.listed])
        try shop.refuse("explain", "nobody", code: 65, saying: ["bigint"])
    }

    @Test func listsOfTheModelAloneAreExplainedAsSuch() throws {
        let shop = try Shop.published(), user = try user(shop)
        let alone = ["NEARLINE_BLEND_USERS": "0"]
        try shop.succeed("train", "--as-of", Shop.asOf, with: alone)
        try shop.succeed("precompute", "--as-of", Shop.asOf)
        let found = try explain(shop, user)
        #expect(!found.isMerged && found.sources == ["model": Shop.candidates] && found.changedPlaces == 0)
        #expect(try explain(shop, user, try list(shop, of: user)[0]).items.first?.rank == 1)
    }
}
