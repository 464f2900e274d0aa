import Foundation
import Testing

/// What the files of `sql/queries` answer about users, transitions, rules and releases, counted again here.
@Suite struct QueryServiceTests {
    private static let day = 86_400.0

    /// By when users were last seen, and from where they are served.
    private func segments(_ facts: QueryFacts, days: Double) throws -> [[String: Int]] {
        let own = try facts.published(3), overlays = try facts.overlays()
        var segments = [[String: Int]](repeating: [:], count: 3)
        for (user, seconds) in try facts.events() {
            let last = seconds.max()!
            guard last > -days * Self.day else { continue }
            let segment = last > 0 ? 0 : last > -7 * Self.day ? 1 : 2
            let origin = overlays[user] != nil ? "overlay" : own[user] != nil ? "own" : "fallback"
            segments[segment][origin, default: 0] += 1
        }
        return segments
    }

    @Test(arguments: QueryShop.Keys.allCases, [3, 30])
    func coverageIsCountedByWhenUsersWereLastSeen(_ keys: QueryShop.Keys, _ days: Int) throws {
        let shop = try QueryShop.with(keys)
        let expected = try segments(QueryFacts(shop), days: Double(days)).filter { !$0.isEmpty }
        let rows = try QueryFile(name: "07_coverage.sql").run(on: shop, ["days": "\(days)"]).rows
        #expect(rows.count == expected.count && rows.count >= 2)
        for (row, counts) in zip(rows, expected) {
            for origin in ["overlay", "own", "fallback"] { #expect(row[origin] == "\(counts[origin] ?? 0)") }
            let users = counts.values.reduce(0, +)
            #expect(row["users"] == "\(users)")
            #expect(near(row["percent_with_list"], 100 * Double(users - (counts["fallback"] ?? 0)) / Double(users)))
        }
        #expect(rows.first?["fallback"] == "1" && rows.first?["overlay"] == "2")
    }

    @Test(arguments: QueryShop.Keys.allCases)
    func staleListIsOneWithNewerEvents(_ keys: QueryShop.Keys) throws {
        let shop = try QueryShop.with(keys), facts = try QueryFacts(shop)
        let own = try facts.published(3), overlays = try facts.overlays()
        let newer = try facts.events().compactMapValues { seconds in seconds.filter { $0 > 0 } }
        var expected: [String: [String]] = [:]
        for (user, seconds) in newer {
            let count = seconds.count { $0 > overlays[user] ?? 0 }
            guard count > 0 else { continue }
            let origin = overlays[user] != nil ? "overlay" : own[user] != nil ? "own" : "fallback"
            expected[user] = ["\(count)", origin]
        }
        let rows = try QueryFile(name: "08_stale_lists.sql").run(on: shop).rows
        #expect(Set(expected.values.map { $0[1] }) == ["overlay", "own", "fallback"])
        #expect(try expected[facts.key(9002)] == nil, "a list that is newer than the user's events is not stale")
        #expect(rows.count == expected.count)
        for row in rows { #expect([row["newer_events"], row["origin"]] == expected[row["user_id"]]) }
    }

    @Test(arguments: QueryShop.Keys.allCases)
    func whatFollowsIsThePairsElseTheLatestElseEverybodys(_ keys: QueryShop.Keys) throws {
        let shop = try QueryShop.with(keys), all = try QueryFacts(shop).transitions()
        let everybody = all.filter { $0.older == nil && $0.latest == nil }
        let pair = try #require(all.first { $0.older != nil && $0.older != $0.latest })
        let asked = [
            (
                ["older": pair.older!, "latest": pair.latest!], "pair",
                all.filter {
                    $0.older == pair.older && $0.latest == pair.latest
                }
            ),
            (
                ["older": "no such", "latest": pair.latest!], "latest",
                all.filter {
                    $0.older == nil && $0.latest == pair.latest
                }
            ),
            (["latest": "no such"], "everybody", everybody),
        ]
        for (variables, used, expected) in asked {
            let rows = try QueryFile(name: "10_what_follows.sql").run(on: shop, variables).rows
            #expect(!rows.isEmpty && rows.map { $0["cluster"] } == expected.map(\.cluster))
            #expect(rows.allSatisfy { $0["key_used"] == used })
            #expect(rows.map { $0["probability"] } == expected.map(\.probability))
            for row in rows {
                guard let usual = everybody.first(where: { $0.cluster == row["cluster"] }) else { continue }
                #expect(near(row["lift"], row.number("probability") / Double(usual.probability)!))
            }
        }
    }

    @Test(arguments: QueryShop.Keys.allCases)
    func strongestTransitionsAreTheFirstOfEachClusterAndDeadEndsHaveNone(_ keys: QueryShop.Keys) throws {
        let shop = try QueryShop.with(keys), facts = try QueryFacts(shop)
        let single = try facts.transitions().filter { $0.older == nil && $0.latest != nil }
        let names = try facts.texts("SELECT name AS text FROM nearline.release_cluster WHERE release = 3")
        let rows = try QueryFile(name: "11_strong_transitions.sql").run(on: shop).rows
        #expect(Set(rows.map { $0["cluster"] }) == Set(names) && rows.count == names.count)
        for row in rows {
            let next = single.filter { $0.latest == row["cluster"] }, other = next.first { $0.cluster != $0.latest }
            #expect(row["next"] == next.first?.cluster ?? "" && row["probability"] == next.first?.probability ?? "")
            #expect(row["next_other"] == other?.cluster ?? "")
        }
        let probabilities = rows.map { $0.number("probability") }.filter { !$0.isNaN }
        #expect(probabilities == probabilities.sorted(by: >))
        #expect(rows.prefix(probabilities.count).allSatisfy { !$0["next"].isEmpty }, "dead ends stand at the end")
        #expect(rows.last?["cluster"] == "a dead end")
    }

    @Test(arguments: QueryShop.Keys.allCases)
    func everyExcludedItemInAListIsFound(_ keys: QueryShop.Keys) throws {
        let shop = try QueryShop.with(keys), facts = try QueryFacts(shop)
        let denied = Set(
            try facts.texts(
                """
                SELECT item_id::text AS text FROM source.exclusions WHERE user_id IS NULL
                UNION SELECT item_id::text FROM source.items WHERE NOT available
                """))
        let pairs = try facts.rows(
            """
            SELECT DISTINCT user_id::text AS u, item_id::text AS i FROM source.exclusions WHERE user_id IS NOT NULL
            """)
        let served = try facts.served(also: [9001, 9999]), made = try facts.overlays().keys
        let violations = try pairs.filter { pair in
            try (served[pair.string("u")] ?? []).contains { try $0.item == pair.string("i") }
        }
        func found(_ lists: some Sequence<[QueryFacts.Place]>) -> String {
            "\(lists.joined().count { denied.contains($0.item) })"
        }
        let rows = try QueryFile(name: "12_excluded_items.sql").run(on: shop).rows
        try #require(rows.count == 4)
        #expect(rows.allSatisfy { $0["looked_at"] != "0" && $0["found"] != "0" }, "\(rows)")
        #expect(try rows[0]["found"] == found(facts.published(3).values))
        #expect(rows[1]["found"] == found(made.map { served[$0]! }) && rows[1]["looked_at"] == "\(made.count)")
        #expect(try rows[2]["found"] == found([served[facts.key(9999)]!]))
        #expect(rows[3]["found"] == "\(violations.count)" && rows[3]["looked_at"] == "\(pairs.count)")
    }

    @Test(arguments: QueryShop.Keys.allCases)
    func sizesOfTheTablesAddUpToTheSizeOfTheRelease(_ keys: QueryShop.Keys) throws {
        let shop = try QueryShop.with(keys), facts = try QueryFacts(shop)
        let rows = try QueryFile(name: "13_release_sizes.sql").run(on: shop).rows
        #expect(rows.map { $0["release"] } == ["3", "3", "3", "3", "2", "2", "2", "2", "1", "1", "1", "1"])
        for release in ["1", "2", "3"] {
            let tables = rows.filter { $0["release"] == release }
            let bytes = tables.map { $0.number("table_bytes") + $0.number("index_bytes") }
            #expect(bytes == bytes.sorted(by: >) && bytes.allSatisfy { $0 > 0 })
            let whole = try facts.number("SELECT bytes FROM nearline.releases WHERE release = \(release)")
            #expect(bytes.reduce(0, +) == Double(whole))
            for (table, size) in zip(tables, bytes) {
                #expect(near(table["bytes_per_user"], size / table.number("users"), within: 0.06))
            }
        }
    }

    @Test func whatHappenedHoldsRunsStatesAndGatesOfTheseDaysInOrder() throws {
        let shop = try QueryShop.with(.bigint), facts = try QueryFacts(shop)
        let rows = try QueryFile(name: "14_what_happened.sql").run(on: shop).rows
        #expect(rows.map { $0["at"] } == rows.map { $0["at"] }.sorted())
        let states = try facts.texts("SELECT becomes AS text FROM nearline.release_event ORDER BY at, release")
        #expect(states.count == 11 && rows.filter { $0["what"] == "release" }.map { $0["outcome"] } == states)
        let gates = rows.filter { $0["what"].hasPrefix("gate ") }
        #expect(Set(gates.map { "\($0["what"]) \($0["outcome"])" }) == ["gate users passed", "gate short failed"])
        #expect(rows.count { $0["what"] == "run precompute" && $0["outcome"] == "done" } == 3)
        #expect(rows.count { $0["what"] == "run doctor" } == 1, "one is older than a week")
        let more = try QueryFile(name: "14_what_happened.sql").run(on: shop, ["days": "9"]).rows
        #expect(more.count { $0["what"] == "run doctor" } == 2)
    }
}
