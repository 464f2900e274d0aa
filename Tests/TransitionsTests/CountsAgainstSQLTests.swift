import Domain
import Foundation
import Histories
import Importing
import Postgres
import TestSupport
import Testing
import Transitions

/// The whole way from a table to counts against one plain query over the same events, to the last count.
@Suite struct CountsAgainstSQLTests {
    private let database: TestDatabase
    private static let asOf = "2026-01-01 00:00:00Z"

    init() throws { database = try TestDatabase() }

    /// `keys(k3, k2, k1, next, n)`: all keys of up to three clusters, -1 where there is none.
    private func query(_ settings: TransitionSettings, scene: String?) -> String {
        let window = "PARTITION BY user_id ORDER BY occurred_at, item_order"
        let within =
            settings.windowDays > 0
            ? "AND occurred_at > '\(Self.asOf)'::timestamptz - interval '\(settings.windowDays) days'" : ""
        let levels = (0...settings.keyLength).map { length in
            let key = (1...3).reversed().map { $0 <= length ? "k\($0)" : "-1" }.joined(separator: ", ")
            let distinct = (1...3).prefix(length).flatMap { a in
                ["k\(a) IS NOT NULL", "k\(a) <> next"] + (1..<a).map { "k\(a) <> k\($0)" }
            }
            let condition = (["k1 IS NOT NULL"] + distinct).joined(separator: " AND ")
            return "SELECT \(key), next, count(*) AS n FROM keys WHERE \(condition) \(within) GROUP BY 1, 2, 3, 4"
        }
        return """
            WITH places AS (
                SELECT user_id, occurred_at, cluster, item_id\(itemCollation) AS item_order
                FROM events JOIN groups USING (item_id)
                WHERE user_id IS NOT NULL AND lower(action) IN (\(Self.engaged)) AND occurred_at <= '\(Self.asOf)'
                    AND occurred_at >= '1990-01-01Z' \(scene.map { "AND scene = '\($0)'" } ?? "")
            ), steps AS (
                SELECT *, lag(cluster) OVER (\(window)) AS before FROM places
            ), keys AS (
                SELECT occurred_at, cluster AS next, before AS k1, lag(before, 1) OVER (\(window)) AS k2,
                    lag(before, 2) OVER (\(window)) AS k3
                FROM steps WHERE before IS DISTINCT FROM cluster
            )
            \(levels.joined(separator: " UNION ALL "))
            """
    }

    private static let engaged = Action.labels.filter { $0.value > .impression }.keys.sorted().map { "'\($0)'" }
        .joined(separator: ", ")

    private var itemCollation: String {
        (try? database.connection.execute(
            "SELECT pg_typeof(item_id)::text AS type FROM events LIMIT 1", doing: "looking"))?
            .first.flatMap { try? $0.string("type") } == "text" ? " COLLATE \"C\"" : ""
    }

    private func counted(
        _ settings: TransitionSettings, scene: String?, clusters: Int, threads: Int, memoryBytes: Int
    ) throws -> [Counted: Int] {
        let connection = database.connection
        let source = try EventSource(SourceNames(events: "events", items: nil, exclusions: nil), on: connection)
        var places: [ExternalID: ItemPlace] = [:]
        for (row, group) in try connection.execute(
            "SELECT item_id::text AS item, cluster FROM groups", doing: "reading the groups"
        ).enumerated() {
            let item = source.itemType.parse(try group.string("item"))!
            places[item] = ItemPlace(row: Int32(row), cluster: Int32(try group.int("cluster")))
        }
        let now: Int64 = 1_767_225_600_000_000, schema = database.schema, known = places
        let tallies = try (0..<threads).map { _ in
            try TransitionTally(
                clusters: clusters, asOf: now, settings: settings, space: CountingSpace(memoryBytes: memoryBytes))
        }
        var isWanted: (@Sendable (String?) -> Int32)?
        if let scene { isWanted = { name in name == scene ? 1 : 0 } }
        var reader = EngagedEventReader(
            source, asOf: Self.asOf, now: now, space: ReadingSpace(workers: threads, memoryBytes: memoryBytes))
        try reader.read(
            on: connection,
            connect: {
                let own = try Connection(applicationName: "nearline-tests")
                try own.execute("SET search_path = \(schema)", doing: "choosing the test's schema")
                return own
            }, place: { known[$0] }, scene: isWanted
        ) { [isWanted] worker, events in
            let chosen = events.items.indices.filter { isWanted == nil || events.scenes[$0] == 1 }
            try tallies[worker].add(
                clusters: chosen.map { events.clusters[$0] }, times: chosen.map { events.times[$0] })
        }
        return try TransitionTally.finish(tallies, workers: threads).all()
    }

    private func expected(_ settings: TransitionSettings, scene: String?) throws -> [Counted: Int] {
        var counts: [Counted: Int] = [:]
        try database.connection.copyOut(query(settings, scene: scene), doing: "counting in SQL") { row in
            let key = try (0..<3).map { _ in try row.int32() }.filter { $0 >= 0 }
            counts[Counted(key: TransitionKey(key), next: try row.int32())] = Int(try row.int64())
        }
        return counts
    }

    private func check(_ settings: TransitionSettings, scene: String? = nil, clusters: Int, threads: [Int]) throws {
        let expected = try expected(settings, scene: scene)
        #expect(!expected.isEmpty)
        for threads in threads {
            for memoryBytes in [64 << 20, 1] {
                let found = try counted(
                    settings, scene: scene, clusters: clusters, threads: threads, memoryBytes: memoryBytes)
                let isSame = found == expected
                #expect(
                    isSame, "\(threads) threads, \(memoryBytes) bytes: \(found.count) counts, not \(expected.count)")
            }
        }
    }

    @Test(arguments: ["bigint", "integer", "uuid", "text"], 1...3)
    func countsAreThoseOfAPlainQuery(_ type: String, _ keyLength: Int) throws {
        try database.connection.script(
            """
            CREATE TABLE events (user_id \(type), item_id \(type), occurred_at timestamptz, action text, scene text);
            CREATE TABLE groups (item_id \(type), cluster int)
            """, doing: "making the events")
        var draw = SeededGenerator(seed: UInt64(keyLength), stream: 0x5a1)
        func key(_ number: Int) -> String {
            switch type {
            case "uuid": "'\(String(10_000 + number * 7919 % 80_000))000-0000-4000-8000-000000000000'"
            case "text": "'\(number % 2 == 0 ? "i" : "I")\(number)'"
            default: "\(number * 31 % 1000 - 500)"
            }
        }
        let groups = (0..<100).filter { $0 % 9 != 0 }.map { "(\(key($0)), \($0 % 13))" }
        let labels = ["'click'", "'BUY'", "'impression'", "'cart'", "NULL", "'strange'"]
        let rows = (0..<20_000).map { _ in
            let time =
                draw.below(40) == 0
                ? ["NULL", "'infinity'", "'1980-01-01Z'"][draw.below(3)]
                : "'\(Self.asOf)'::timestamptz - \(draw.below(90)) * interval '1 day' - \(draw.below(3)) * interval '8 hours'"
            let scene = draw.below(2) == 0 ? "'home'" : "'search'"
            let user = draw.below(100) == 0 ? "NULL" : key(draw.below(900))
            return
                "(\(user), \(key(min(draw.below(100), draw.below(100)))), \(time), \(labels[draw.below(6)]), \(scene))"
        }
        // Of one time and item there may be several rows, but not of one item order with two clusters.
        try database.connection.script(
            "INSERT INTO groups VALUES \(groups.joined(separator: ",")); INSERT INTO events VALUES \(rows.joined(separator: ","))",
            doing: "filling the events")
        try check(TransitionSettings(keyLength: keyLength), clusters: 13, threads: [1, 2, 5])
        try check(TransitionSettings(keyLength: keyLength, windowDays: 20), clusters: 13, threads: [2])
        try check(TransitionSettings(keyLength: keyLength), scene: "home", clusters: 13, threads: [2])
    }

    @Test(arguments: ["taobao-userbehavior-983", "online-retail", "amazon-beauty", "ml-1m"])
    func countsOfASharedSetAreThoseOfAPlainQuery(_ name: String) throws {
        let path = (ProcessInfo.processInfo.environment["NEARLINE_DATA"] ?? "../shared/data") + "/\(name).csv.gz"
        guard FileManager.default.fileExists(atPath: path) else {
            print("no \(path); set NEARLINE_DATA to the folder of the shared sets to count them")
            return
        }
        try load(path)
        let clusters = try database.connection.execute(
            "SELECT max(cluster) + 1 AS n FROM groups", doing: "counting the groups")[0].int("n")
        try check(TransitionSettings(), clusters: clusters, threads: [2])
    }

    /// Clusters are the categories, or a hundred groups of items where the set has none.
    private func load(_ path: String) throws {
        let connection = database.connection, types = try EventFile.sniff(path: path, columns: ColumnMap())
        var file = try EventFile(
            path: path, columns: ColumnMap(), userType: types.user, itemType: types.item, now: 1_767_225_600_000_000)
        try connection.script(
            """
            CREATE TABLE raw (who text, item text, at bigint, action text, category text);
            CREATE TABLE events (user_id \(types.user.rawValue), item_id \(types.item.rawValue), occurred_at timestamptz,
                action text)
            """, doing: "making the events")
        try connection.copyIn("raw", columns: ["who", "item", "at", "action", "category"], doing: "loading") { writer in
            while let row = try file.next() {
                try writer.beginRow(fields: 5)
                writer.text("\(row.user)")
                writer.text("\(row.item)")
                writer.int64(row.occurredAt)
                writer.text(row.action)
                writer.text(row.category ?? "")
            }
        }
        try connection.script(
            """
            INSERT INTO events SELECT who::\(types.user.rawValue), item::\(types.item.rawValue),
                'epoch'::timestamptz + at * interval '1 us', action FROM raw;
            CREATE TABLE groups AS SELECT item::\(types.item.rawValue) AS item_id, CASE WHEN max(category) = ''
                THEN (hashtext(item) & 1023) % 100 ELSE (dense_rank() OVER (ORDER BY max(category)))::int - 1 END AS cluster
                FROM raw GROUP BY item;
            ANALYZE events
            """, doing: "filling the events")
    }
}
