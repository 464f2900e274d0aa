import Foundation
import Testing

/// What a shop wants of every list: no repeats, a cool-down, a cap by category.
@Suite struct ListRuleTests {
    /// Lists that hold what the user engaged with in the days before the instant that they are for; all of its life without days.
    private func broken(_ shop: Shop, days: Int? = nil) throws -> Int {
        try shop.number(
            """
            SELECT count(*) FROM nearline.candidates c WHERE EXISTS (
                SELECT FROM shop.events e WHERE e.user_id = c.user_id::bigint AND e.item_id = c.item_id::bigint
                AND e.action <> 'impression' AND e.occurred_at <= '\(Shop.asOf)'
                \(days.map { "AND e.occurred_at >= '\(Shop.asOf)'::timestamptz - interval '\($0) days'" } ?? ""))
            """)
    }

    private func most(_ shop: Shop, _ list: String) throws -> Int {
        try shop.number(
            """
            SELECT max(n) FROM (
                SELECT count(*) AS n FROM \(list) JOIN shop.items i ON i.item_id = l.item_id::bigint
                GROUP BY l.user_id, i.category) x
            """)
    }

    @Test func withoutRepeatsNobodyIsListedWhatTheyHadHoweverLittleOfItTheModelReads() throws {
        let shop = try Shop.published()
        #expect(try broken(shop) > 0)
        for workers in ["1", "2"] {
            // Eight tokens of history: what lies before them is remembered all the same.
            try shop.succeed(
                "precompute", "--as-of", Shop.asOf, "--repeats", "none", "--again", "--workers", workers,
                with: [
                    "NEARLINE_TOKENS": "8", "NEARLINE_SESSION_ITEMS": "4", "NEARLINE_SHARD_USERS": "7",
                    "NEARLINE_MAX_SHORT_SHARE": "1",
                ])
            #expect(try broken(shop) == 0)
            #expect(try shop.number("SELECT count(DISTINCT user_id) FROM nearline.candidates") == 60)
        }
    }

    @Test func whatWasHadRestsForAsManyDaysAndComesBackThen() throws {
        let shop = try Shop.published()
        #expect(try broken(shop, days: 5) > 0)
        try shop.succeed(
            "precompute", "--as-of", Shop.asOf, "--cool-down-days", "5", with: ["NEARLINE_MAX_SHORT_SHARE": "1"])
        #expect(try broken(shop, days: 5) == 0)
        #expect(try broken(shop) > 0)
    }

    @Test func noListHasMoreOfACategoryThanTheCapAndAllAreAsLongAsEver() throws {
        let shop = try Shop.published(), lists = "nearline.candidates l"
        let popular = "(SELECT 0 AS user_id, item_id FROM nearline.lookup(999999)) l"
        #expect(try most(shop, lists) > 5)
        for blend in ["merged", "the model's alone"] {
            if blend != "merged" {
                try shop.succeed("train", "--as-of", Shop.asOf, with: ["NEARLINE_BLEND_USERS": "0"])
            }
            try shop.succeed("precompute", "--as-of", Shop.asOf, "--category-cap", "5")
            #expect(try most(shop, lists) == 5, "\(blend)")
            #expect(try most(shop, popular) <= 5, "\(blend)")
            #expect(
                try shop.texts("SELECT DISTINCT count(*)::text AS text FROM nearline.candidates GROUP BY user_id")
                    == ["\(Shop.candidates)"])
        }
    }

    @Test func aRefreshKeepsTheRulesOfItsReleaseAndExplainNamesThem() throws {
        let shop = try Shop.refreshing(), user = try shop.users(1)[0]
        let shortIsFine = ["NEARLINE_MAX_SHORT_SHARE": "1"]
        try shop.succeed(
            "precompute", "--as-of", Shop.asOf, "--repeats", "none", "--category-cap", "5", with: shortIsFine)
        try shop.click(user)
        try shop.succeed("refresh")
        #expect(try shop.origin(user) == "overlay")
        let list = try shop.list(of: user)
        let had = try shop.texts(
            """
            SELECT DISTINCT item_id::text AS text FROM shop.events WHERE user_id = \(user) AND action <> 'impression'
            """)
        #expect(Set(list).isDisjoint(with: had) && !list.isEmpty)
        #expect(try most(shop, "(SELECT 0 AS user_id, item_id FROM nearline.lookup(\(user))) l") <= 5)
        #expect(try shop.succeed("explain", "\(user)", had[0]).contains("the user had it (repeats: none)"))
        let full = try shop.text(
            """
            SELECT item_id::text AS text FROM shop.items i WHERE available AND category IN (
                SELECT category FROM shop.items JOIN nearline.lookup(\(user)) l ON l.item_id::bigint = items.item_id
                GROUP BY category HAVING count(*) = 5)
            AND NOT EXISTS (SELECT FROM nearline.lookup(\(user)) l WHERE l.item_id::bigint = i.item_id)
            AND NOT EXISTS (SELECT FROM shop.events e WHERE e.user_id = \(user) AND e.item_id = i.item_id)
            LIMIT 1
            """)
        #expect(try shop.succeed("explain", "\(user)", full).contains("5 of its category (category-cap)"))
    }

    @Test func rulesThatAreNoneAreRefused() throws {
        let shop = try Shop.published()
        try shop.refuse("precompute", "--repeats", "some", code: 78, saying: ["repeats", "'some'", "allowed"])
        try shop.refuse("precompute", "--category-cap=-1", code: 78, saying: ["category-cap", "'-1'"])
        try shop.refuse(
            "backfill", "--users", "-", "--cool-down-days", "3", code: 64, saying: ["the current release's"])
    }
}
