import Foundation
import Testing

/// Rows that no shop should have: counted, shown and left out, and nobody else's list changes by a byte.
@Suite struct PoisonTests {
    /// The events of the shop with text keys, and nothing of its items relation: the type of keys has to be the same.
    private func shop() throws -> Shop {
        let shop = try Shop.imported()
        try shop.execute(
            """
            CREATE TABLE shop.spelled AS
            SELECT user_id::text AS user_id, item_id::text AS item_id, occurred_at, action FROM shop.events;
            CREATE TABLE shop.banned (user_id text, item_id text)
            """)
        return shop
    }

    private static let settings = [
        "NEARLINE_EVENTS": "shop.spelled", "NEARLINE_ITEMS": "", "NEARLINE_EXCLUSIONS": "shop.banned",
        "NEARLINE_CLUSTERS": "semantic",
    ]

    private func night(_ shop: Shop, _ more: String...) throws -> Int {
        for command in [
            ["train", "--as-of", Shop.asOf, "--again"], ["precompute", "--as-of", Shop.asOf, "--again"] + more,
        ] {
            let ended = try shop.commands.run(command, with: Self.settings)
            try #require(ended.code == 0, "\(command): \(ended.errors)")
        }
        return try shop.number("SELECT max(release) FROM nearline.release")
    }

    @Test func keysOfTenMegabytesAndTheLastInstantOfPostgreSQLAreRefusedAndHarmNobody() throws {
        let shop = try shop(), calm = try night(shop)
        try shop.execute(
            """
            INSERT INTO shop.spelled
            SELECT v.u, v.i, v.t::timestamptz, v.a FROM (SELECT min(user_id) AS u, min(item_id) AS i FROM shop.spelled) one,
            LATERAL (VALUES
                (repeat('u', 10000000), i, '2025-12-25Z', 'click'), (u, repeat('i', 10000000), '2025-12-25Z', 'click'),
                (u, i, '2025-12-25Z', repeat('a', 10000000)), (u, i, '294276-12-31 23:59:59.999999Z', 'click'),
                (u, i, '4713-01-01 BC', 'click')) v (u, i, t, a);
            INSERT INTO shop.banned SELECT repeat('u', 10000000), min(item_id) FROM shop.spelled
            """)
        // The very same lists from other events are what a gate takes offence at.
        let release = try night(shop, "--no-publish")
        #expect(try shop.payloads(ofRelease: release) == shop.payloads(ofRelease: calm))
        let refused = try shop.texts(
            """
            SELECT DISTINCT q.reason AS text FROM nearline.quarantine q
            WHERE run = (SELECT max(run) FROM nearline.run WHERE command = 'precompute') ORDER BY 1
            """)
        #expect(refused == ["before 1990", "in the future", "overlong key", "unknown action"])
        // A sample is for people.
        #expect(try shop.number("SELECT max(octet_length(t::text)) FROM nearline.quarantine t") < 1000)
        #expect(
            try shop.number(
                "SELECT (counts ->> 'refused: overlong key') FROM nearline.run WHERE command = 'precompute' ORDER BY run DESC LIMIT 1"
            ) == 2)
    }

    /// Behind the limit of ours, before PostgreSQL's.
    @Test func theLongestKeyIsServedAndOneMoreByteIsNot() throws {
        let shop = try shop()
        try shop.execute(
            """
            INSERT INTO shop.spelled
            SELECT repeat('é', 512) || suffix, item_id, occurred_at, action FROM shop.spelled, (VALUES (''), ('x')) s (suffix)
            WHERE user_id = (SELECT min(user_id) FROM shop.spelled)
            """)
        let release = try night(shop)
        #expect(
            try shop.texts(
                "SELECT octet_length(user_id)::text AS text FROM nearline.candidate WHERE release = \(release) AND length(user_id) > 100"
            ) == ["1024"])
    }

    @Test func whoHasAnOverlongKeyIsTakenOffTheQueueAndKeepsNobodyWaiting() throws {
        let shop = try shop()
        _ = try night(shop)
        let installed = try shop.commands.run(["refresh", "--install"], with: Self.settings)
        try #require(installed.code == 0, "\(installed.errors)")
        try shop.execute(
            """
            INSERT INTO shop.spelled SELECT u, (SELECT min(item_id) FROM shop.spelled), now(), 'click'
            FROM (VALUES (repeat('u', 10000000)), ('somebody')) v (u)
            """)
        let ended = try shop.commands.run(["refresh"], with: Self.settings)
        #expect(ended.code == 0 && ended.errors.contains("keys that are none"), "\(ended.errors.suffix(2000))")
        #expect(try shop.texts("SELECT user_id AS text FROM nearline.overlay") == ["somebody"])
        #expect(try shop.waiting() == 0)
    }
}
