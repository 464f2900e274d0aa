import Foundation
import Testing

/// Ten times the users take no more memory: what a process holds is bounded by a shard.
@Suite struct MemoryTests {
    private func peak(_ shop: Shop) throws -> Int {
        try shop.succeed(
            "precompute", "--as-of", Shop.asOf, "--again", "--no-publish", with: ["NEARLINE_SHARD_USERS": "300"])
        return try shop.number("SELECT peak_bytes FROM nearline.run ORDER BY run DESC LIMIT 1")
    }

    private func multiply(_ shop: Shop, by factor: Int, apart: Int) throws {
        try shop.execute(
            """
            INSERT INTO shop.events (user_id, item_id, occurred_at, action)
            SELECT user_id + \(apart) * copy, item_id, occurred_at, action FROM shop.events, generate_series(1, \(factor - 1)) copy
            """)
    }

    @Test func tenTimesTheUsersTakeNoMoreMemoryAndFitUnderTheSameLimit() throws {
        let shop = try Shop.published()
        // A few shards already.
        try multiply(shop, by: 15, apart: 100_000)
        let before = try peak(shop)
        try multiply(shop, by: 10, apart: 10_000_000)
        let after = try peak(shop)
        #expect(try shop.number("SELECT users FROM nearline.release ORDER BY release DESC LIMIT 1") == 9000)
        #expect(Double(after) < 1.25 * Double(before), "\(before >> 20) MiB and \(after >> 20) MiB")
        try shop.succeed(
            "precompute", "--as-of", Shop.asOf, "--again", "--no-publish", "--max-memory", "\((before * 5 / 4) >> 20)",
            with: ["NEARLINE_SHARD_USERS": "300"])
    }
}
