import Foundation
import Testing

/// What must not be recommended is not, and lists are as long as ever.
@Suite struct ExclusionTests {
    private func items(_ shop: Shop, ofUser user: String) throws -> [String] {
        try shop.texts("SELECT item_id::text AS text FROM nearline.lookup(\(user)) ORDER BY rank")
    }

    private func lists(_ shop: Shop, with item: String) throws -> Int {
        try shop.number("SELECT count(*) FROM nearline.candidates WHERE item_id = \(item)")
    }

    @Test func excludedAndUnavailableItemsAreInNoListAndListsKeepTheirLength() throws {
        let shop = try Shop.published()
        let user = try shop.text("SELECT min(user_id)::text AS text FROM shop.events")
        // The two that are in most lists, and the one of this user's that most others have too.
        let exposed = try shop.texts("SELECT item_id::text AS text FROM nearline.exposure ORDER BY lists DESC, item_id")
        let (banned, gone) = (exposed[0], exposed[1]), own = try items(shop, ofUser: user)
        let denied = try #require(exposed.dropFirst(2).first { own.contains($0) })
        let othersBefore = try lists(shop, with: denied)
        #expect(try othersBefore > 1 && lists(shop, with: banned) > 0 && lists(shop, with: gone) > 0)
        let popular = try items(shop, ofUser: "999999")
        try shop.execute(
            """
            INSERT INTO shop.exclusions (item_id, user_id) VALUES (\(banned), NULL), (\(denied), \(user));
            UPDATE shop.items SET available = false WHERE item_id = \(gone)
            """)
        try shop.succeed("precompute", "--as-of", Shop.asOf)
        #expect(try lists(shop, with: banned) == 0)
        #expect(try lists(shop, with: gone) == 0)
        #expect(try !items(shop, ofUser: user).contains(denied))
        // What was left alone: others still get it.
        #expect(try lists(shop, with: denied) >= othersBefore - 1)
        #expect(
            try shop.texts("SELECT DISTINCT count(*)::text AS text FROM nearline.candidates GROUP BY user_id")
                == ["\(Shop.candidates)"])
        let fallback = try items(shop, ofUser: "999999")
        #expect(fallback.count == Shop.candidates && !fallback.contains(banned) && !fallback.contains(gone))
        #expect(fallback.contains(denied) == popular.contains(denied))
    }

    /// The same number of rows in every relation: only what they say has changed.
    @Test func aChangedExclusionIsNoReasonToDoNothing() throws {
        let shop = try Shop.published()
        let exposed = try shop.texts("SELECT item_id::text AS text FROM nearline.exposure ORDER BY lists DESC, item_id")
        try shop.execute("INSERT INTO shop.exclusions (item_id) VALUES (\(exposed[0]))")
        try shop.succeed("precompute", "--as-of", Shop.asOf)
        try shop.execute("UPDATE shop.exclusions SET item_id = \(exposed[1])")
        try shop.succeed("precompute", "--as-of", Shop.asOf)
        #expect(try lists(shop, with: exposed[1]) == 0)
        #expect(try lists(shop, with: exposed[0]) > 0)
        try shop.execute("UPDATE shop.items SET available = false WHERE item_id = \(exposed[2])")
        try shop.succeed("precompute", "--as-of", Shop.asOf)
        #expect(try lists(shop, with: exposed[2]) == 0)
    }

    @Test func exclusionsOfAUserWithoutAListHoldToo() throws {
        let shop = try Shop.published()
        let popular = try items(shop, ofUser: "999999")
        try shop.execute("INSERT INTO shop.exclusions (item_id, user_id) VALUES (\(popular[0]), 999999)")
        try shop.succeed("precompute", "--as-of", Shop.asOf)
        let after = try items(shop, ofUser: "999999")
        #expect(!after.contains(popular[0]))
        #expect(after.count == Shop.candidates)
        #expect(try items(shop, ofUser: "999998") == popular)
    }

    @Test func usersWhoAreDeniedEverythingGetNothingInsteadOfThePopularList() throws {
        let shop = try Shop.published()
        let user = try shop.text("SELECT min(user_id)::text AS text FROM shop.events")
        try shop.execute(
            """
            INSERT INTO shop.exclusions (item_id, user_id)
            SELECT item_id, denied FROM shop.items, unnest(ARRAY[\(user), 999999]) AS denied
            """)
        try shop.succeed("precompute", "--as-of", Shop.asOf)
        for denied in [user, "999999"] { #expect(try items(shop, ofUser: denied).isEmpty) }
        #expect(try items(shop, ofUser: "999998").count == Shop.candidates)
        try shop.succeed("lookup", user)
    }

    /// The events view has int keys, the other relations bigint ones: as different as relations of one shop may be.
    @Test func exclusionsHoldWhereTheirKeysAreOfAnotherIntegerType() throws {
        let shop = try Shop.imported()
        try shop.execute(
            """
            CREATE VIEW shop.ints AS SELECT user_id::int AS user_id, item_id::int AS item_id, occurred_at, action
            FROM shop.events
            """)
        let names = try shop.texts(
            "SELECT item_id::text AS text FROM shop.events GROUP BY 1 ORDER BY count(*) DESC LIMIT 3")
        let user = try shop.text("SELECT min(user_id)::text AS text FROM shop.events")
        try shop.execute(
            """
            INSERT INTO shop.exclusions (item_id, user_id) VALUES (\(names[0]), NULL), (\(names[1]), \(user));
            UPDATE shop.items SET available = false WHERE item_id = \(names[2])
            """)
        let source = ["NEARLINE_EVENTS": "shop.ints", "NEARLINE_CANDIDATES": "110"]
        try shop.succeed("train", "--as-of", Shop.asOf, with: source)
        try shop.succeed("precompute", "--as-of", Shop.asOf, with: source)
        #expect(try lists(shop, with: names[0]) == 0)
        #expect(try lists(shop, with: names[2]) == 0)
        #expect(try !items(shop, ofUser: user).contains(names[1]))
    }

    @Test func aUserWhoIsDeniedEverythingIsServedNothingOfIt() throws {
        let shop = try Shop.published()
        try shop.execute("INSERT INTO shop.exclusions (item_id) SELECT item_id FROM shop.items")
        try shop.refuse("precompute", "--as-of", Shop.asOf, code: 65, saying: ["exclu"])
    }
}
