import Foundation
import Postgres
import Testing

/// What feeds `nearline refresh`: tables with odd names, views, writers without rights, keys that are none.
@Suite(.serialized) struct RefreshSourceTests {
    /// Events as a view of a table whose names have to be quoted.
    private func oddShop() throws -> Shop {
        let shop = try Shop.published()
        try shop.execute(
            """
            CREATE SCHEMA "Odd Shop";
            CREATE TABLE "Odd Shop"."Events; --" AS SELECT user_id::text AS "it's ""the"" User", item_id, occurred_at, action
            FROM shop.events;
            CREATE VIEW shop.seen AS SELECT "it's ""the"" User"::bigint AS user_id, item_id, occurred_at, action
            FROM "Odd Shop"."Events; --" WHERE "it's ""the"" User" ~ '^[0-9]+$'
            """)
        return shop
    }

    private let events = ["NEARLINE_EVENTS": "shop.seen"]
    private let place = "\"Odd Shop\".\"Events; --\":\"it's \"\"the\"\" User\""

    @Test func aViewNeedsItsTablesNamedAndOddNamesAreQuoted() throws {
        let shop = try oddShop(), user = try shop.users(1)[0]
        try shop.refuse(
            "refresh", "--install", code: 64, saying: ["shop.seen is not a table", "--on schema.table:user_id"],
            with: events)
        for (place, words) in [
            ("shop.nowhere:user_id", "there is no"), ("shop.events:nobody", "has no column nobody"),
            ("shop.events", "not a table and a column"), ("shop.seen:user_id", "is no table"),
        ] {
            try shop.refuse("refresh", "--install", "--on", place, code: 64, saying: [words], with: events)
        }
        try shop.succeed("refresh", "--install", "--on", place, with: events)
        #expect(try shop.succeed("refresh", "--install", "--on", place, with: events).contains("nothing to do"))
        try shop.execute(
            """
            INSERT INTO "Odd Shop"."Events; --" SELECT u, item_id, now(), 'purchase'
            FROM shop.items, unnest(ARRAY['\(user)', 'nobody''s "key"', NULL]) u
            """)
        #expect(try shop.waiting() == 2, "NULL is nobody")
        let ended = try shop.commands.run(["refresh"], with: events)
        #expect(ended.code == 0 && ended.errors.contains("none of the source's type"), "\(ended.errors)")
        #expect(try shop.overlay() == ["1 \(user)"])
        #expect(try shop.waiting() == 0, "what cannot be a key is in nobody's way")
    }

    @Test func aWriterNeedsNoRightInOurSchemaAndAColumnThatIsGoneCostsNoEvent() throws {
        let shop = try Shop.refreshing(), users = try shop.users(2)
        let writer = try RoleLogin(nil, at: shop)
        try shop.execute(
            """
            GRANT USAGE ON SCHEMA shop TO "\(writer.name)";
            GRANT INSERT, SELECT ON shop.events, shop.items TO "\(writer.name)"
            """)
        try writer.connection.script(Shop.clicks(of: users[0]), doing: "buying")
        #expect(try shop.waiting() == 1)
        let before = try shop.number("SELECT count(*) FROM shop.events")
        var warnings: [String] = []
        shop.connection.onNotice = { warnings.append($0) }
        defer { shop.connection.onNotice = nil }
        try shop.execute("ALTER TABLE shop.events RENAME COLUMN user_id TO customer")
        try shop.execute(
            "INSERT INTO shop.events (customer, item_id, occurred_at, action) SELECT 5, item_id, now(), 'view' FROM shop.items LIMIT 1"
        )
        #expect(try shop.number("SELECT count(*) FROM shop.events") == before + 1)
        #expect(warnings.contains { $0.contains("has no column user_id any more") }, "\(warnings)")
        #expect(try shop.waiting() == 1)
    }

    @Test func aStatementQueuesEachOfItsUsersOnceAndAChangedKeyBoth() throws {
        let shop = try Shop.refreshing(), users = try shop.users(3)
        func queued() throws -> [String] {
            let queued = try shop.texts("SELECT user_id AS text FROM nearline.touched ORDER BY touch")
            try shop.execute("DELETE FROM nearline.touched")
            return queued
        }
        try shop.click(users[0])
        #expect(try queued() == ["\(users[0])"])
        try shop.execute("UPDATE shop.events SET user_id = \(users[1]) WHERE user_id = \(users[0])")
        #expect(try Set(queued()) == ["\(users[0])", "\(users[1])"])
        try shop.execute("DELETE FROM shop.events WHERE user_id IN (\(users[1]), \(users[2]))")
        #expect(try Set(queued()) == ["\(users[1])", "\(users[2])"])
        try shop.execute("DELETE FROM shop.events WHERE user_id = -1; INSERT INTO shop.exclusions (item_id) VALUES (1)")
        #expect(try queued() == [], "nobody in particular")
        try shop.execute("BEGIN; \(Shop.clicks(of: users[0])); ROLLBACK")
        #expect(try queued() == [])
    }

    @Test func aWorkerRefreshesAndAReaderDoesNot() throws {
        let shop = try Shop.refreshing(), user = try shop.users(1)[0]
        try shop.makeRoles()
        let worker = try RoleLogin("worker", at: shop), reader = try RoleLogin("reader", at: shop)
        try shop.click(user)
        let refused = try reader.run(["refresh"])
        #expect(refused.code == 77, "\(refused.errors)")
        #expect(try shop.overlay() == [])
        let ended = try worker.run(["refresh"], with: ["NEARLINE_OVERLAY_USERS": "0"])
        #expect(ended.code == 0, "\(ended.errors)")
        #expect(try worker.run(["refresh"]).code == 0)
        #expect(try shop.overlay() == ["1 \(user)"])
        for sql in [
            "UPDATE nearline.touched SET user_id = '1'", "DELETE FROM nearline.watermark",
            "INSERT INTO nearline.watermark (name) VALUES ('x')",
            "CREATE TRIGGER mine AFTER INSERT ON shop.events EXECUTE FUNCTION nearline.touch('user_id')",
        ] {
            #expect(worker.refusal(of: sql) == "42501", "\(sql)")
        }
        for sql in ["SELECT * FROM nearline.touched", "SELECT * FROM nearline.refresh_status"] {
            #expect(reader.refusal(of: sql) == "42501", "\(sql)")
        }
    }
}
