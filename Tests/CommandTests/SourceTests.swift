import Foundation
import Testing

/// Relations that cannot be read: each command says which, why and what to do; what is served stays.
@Suite struct SourceTests {
    @Test(arguments: ["train", "precompute"]) func emptyEventsAreRefused(_ command: String) throws {
        let shop = try Shop.published()
        try shop.execute("CREATE VIEW shop.nothing AS SELECT * FROM shop.events WHERE false")
        for asOf in [Shop.asOf, "latest", "now"] {
            try shop.refuse(
                command, "--as-of", asOf, "--events", "shop.nothing", code: 65,
                saying: ["shop.nothing has no usable event", "import events"])
        }
        #expect(try shop.strayTables().isEmpty)
        #expect(try shop.number("SELECT count(*) FROM nearline.release WHERE state = 'building'") == 0)
    }

    @Test(arguments: ["train", "precompute"]) func relationWithoutNeededColumnsIsRefused(_ command: String) throws {
        let shop = try Shop.published()
        try shop.execute("CREATE VIEW shop.narrow AS SELECT user_id, item_id FROM shop.events")
        try shop.refuse(
            command, "--events", "shop.narrow", code: 65,
            saying: ["shop.narrow has no column occurred_at, action", "it has item_id, user_id"])
    }

    @Test(arguments: ["train", "precompute"]) func relationThatDoesNotExistIsMissingInput(_ command: String) throws {
        let shop = try Shop.published()
        try shop.refuse(
            command, "--events", "shop.nosuch", code: 66, saying: ["events relation shop.nosuch does not exist"])
        // A default may be absent, a relation that somebody named may not.
        try shop.refuse(
            command, "--items", "shop.nosuch", code: 66, saying: ["items relation shop.nosuch does not exist"])
        try shop.refuse(command, "--events", "not a name", code: 78, saying: ["'not a name' is no relation name"])
    }

    @Test(arguments: ["train", "precompute"]) func timesWithoutAZoneAreRefused(_ command: String) throws {
        let shop = try Shop.published()
        try shop.execute(
            """
            CREATE VIEW shop.zoneless AS
            SELECT user_id, item_id, occurred_at::timestamp AS occurred_at, action FROM shop.events
            """)
        try shop.refuse(
            command, "--events", "shop.zoneless", code: 65,
            saying: ["shop.zoneless.occurred_at is timestamp without time zone", "timestamptz", "cast it in a view"])
    }

    @Test func keysOfATypeThatResultsCannotCarryAreRefused() throws {
        let shop = try Shop.published()
        try shop.execute(
            """
            CREATE VIEW shop.odd AS SELECT user_id::numeric AS user_id, item_id, occurred_at, action FROM shop.events
            """)
        try shop.refuse("train", "--events", "shop.odd", code: 65, saying: ["shop.odd.user_id is numeric", "bigint"])
    }

    @Test func itemKeysOfAnotherTypeThanTheModelsAreRefused() throws {
        let shop = try Shop.published()
        try shop.execute(
            """
            CREATE VIEW shop.texts AS SELECT user_id, item_id::text AS item_id, occurred_at, action FROM shop.events
            """)
        try shop.refuse(
            "precompute", "--as-of", Shop.asOf, "--events", "shop.texts", "--items", "", "--exclusions", "",
            code: 65, saying: ["shop.texts.item_id is text", "trained on bigint", "train a new model"])
    }

    @Test func badRowsAreCountedByReasonAndKept() throws {
        let shop = try Shop.published()
        try Self.makeWild(shop)
        try shop.succeed("precompute", "--as-of", Shop.asOf, "--events", "shop.wild")
        let reasons = [
            "before 1990", "in the future", "missing item", "missing or infinite time", "missing user",
            "unknown action",
        ]
        #expect(
            try shop.texts(
                "SELECT reason AS text FROM nearline.quarantine GROUP BY reason ORDER BY reason COLLATE \"C\"")
                == reasons)
        let counts = try shop.text("SELECT counts::text AS text FROM nearline.run ORDER BY run DESC LIMIT 1")
        for reason in reasons {
            let count = reason == "missing or infinite time" ? 2 : 1
            #expect(counts.contains("\"refused: \(reason)\": \(count)"), "\(reason): \(counts)")
        }
        // What was left alone: the good rows make the very lists that they made before.
        #expect(try shop.payloads(ofRelease: 2) == shop.payloads(ofRelease: 1))
    }

    @Test(arguments: ["train", "precompute"]) func tooManyBadRowsEndTheRun(_ command: String) throws {
        let shop = try Shop.published()
        try Self.makeWild(shop)
        try shop.refuse(
            command, "--as-of", Shop.asOf, "--events", "shop.wild", "--max-bad-rows", "6", code: 65,
            saying: ["7 rows were refused", "1 unknown action", "--max-bad-rows allows 6", "nearline.quarantine"])
        #expect(try shop.number("SELECT count(*) FROM nearline.quarantine") == 7)
        #expect(try shop.strayTables().isEmpty)
        try shop.succeed(command, "--as-of", Shop.asOf, "--events", "shop.wild", "--max-bad-rows", "7")
    }

    private static func makeWild(_ shop: Shop) throws {
        try shop.execute(
            """
            CREATE TABLE shop.wild AS SELECT user_id, item_id, occurred_at, action, session_id, scene FROM shop.events;
            INSERT INTO shop.wild SELECT v.u, v.i, v.t::timestamptz, v.a
            FROM (SELECT min(user_id) AS u, min(item_id) AS i FROM shop.events) one, LATERAL (VALUES
                (NULL, i, '2025-12-25Z', 'click'), (u, NULL, '2025-12-25Z', 'click'), (u, i, NULL, 'click'),
                (u, i, 'infinity', 'click'), (u, i, '1989-12-31Z', 'click'), (u, i, '2999-01-01Z', 'click'),
                (u, i, '2025-12-25Z', 'stare')) v (u, i, t, a);
            """)
    }
}
