import Foundation
import Testing

/// What is nothing to do, or only planned, writes nothing: by the server's own counters, not by what is left.
@Suite struct WriteTests {
    /// Rows that were inserted, changed and deleted since the database is there; taken back again or not.
    private func writes(_ shop: Shop) throws -> Int {
        try shop.awaitEndOfSessions()
        try shop.execute("SELECT pg_stat_force_next_flush(); SELECT pg_stat_clear_snapshot()")
        return try shop.number(
            "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables WHERE schemaname IN ('nearline', 'shop')"
        )
    }

    @Test func aSecondRunOfTheSameDayWritesNothing() throws {
        let shop = try Shop.published()
        let night = [
            ["migrate"], ["import", "events.csv", "items.csv"], ["train", "--as-of", Shop.asOf],
            ["precompute", "--date", "2026-01-02"], ["publish"],
        ]
        let first = try writes(shop)
        for command in night { #expect(try shop.commands.run(command).code == 0, "\(command)") }
        let done = try writes(shop)
        #expect(done > first + 60, "the counters see nothing")
        for command in night + [["precompute", "--date", "2026-01-02", "--catch-up"]] {
            let ended = try shop.commands.run(command)
            #expect(ended.code == 0 && ended.output.contains("nothing to do"), "\(command): \(ended)")
            #expect(try writes(shop) == done, "\(command)")
        }
    }

    /// As a role that could not write if it wanted to.
    @Test func aDryRunWritesNothingAndNeedsNoRightToWrite() throws {
        let shop = try Shop.published()
        try shop.succeed("precompute", "--as-of", Shop.asOf, "--again", "--no-publish")
        try shop.write("user_id,item_id,timestamp\n1,2,2025-01-01\n", to: "more.csv")
        let login = try RoleLogin(nil, at: shop)
        try shop.execute(
            """
            GRANT USAGE ON SCHEMA nearline, shop TO "\(login.name)";
            GRANT SELECT ON ALL TABLES IN SCHEMA nearline, shop TO "\(login.name)"
            """)
        let before = try writes(shop), contents = try shop.contents()
        for command in [
            ["import", "more.csv"], ["train", "--as-of", "2025-12-25"],
            ["precompute", "--as-of", Shop.asOf, "--candidates", "10"], ["precompute", "--date", "2026-01-02"],
            ["backfill", "--from", "2025-12-26", "--to", "2025-12-28", "--with-later-model"],
            ["backfill", "--where", "true"], ["transitions", "--as-of", "2025-12-25"], ["publish"], ["prune"],
        ] {
            let ended = try login.run(command + ["--dry-run"])
            #expect(ended.code == 0, "\(command): \(ended.code) \(ended.errors)")
            #expect(try writes(shop) == before, "\(command)")
        }
        #expect(try shop.contents() == contents)
    }
}
