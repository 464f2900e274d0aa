import Domain
import Histories
import Postgres
import Synchronization
import TestSupport
import Testing

@Suite struct EngagedEventReaderTests {
    /// A table of a key type with everything that makes reading hard: ties in time, repeated rows, bad rows of all
    /// kinds, labels in capitals, users without engaged events.
    private struct Drawn {
        let database: TestDatabase
        let types: (user: String, item: String)

        init(_ type: String, rows: Int, seed: UInt64) throws {
            database = try TestDatabase()
            types = (type, type)
            try database.connection.script(
                "CREATE TABLE events (user_id \(type), item_id \(type), occurred_at timestamptz, action text, scene text)",
                doing: "making the events")
            var draw = SeededGenerator(seed: seed, stream: 0xe6a6)
            let bad = ["NULL", "'-infinity'", "'infinity'", "'1970-01-01Z'", "'2027-01-01Z'"]
            let labels = [
                "click", "Purchase", "fav", "impression", "impression", "PV", "an unknown label, and a long one",
            ]
            let values = (0..<rows).map { _ in
                let user = draw.below(50) == 0 ? "NULL" : key(draw.below(40), type)
                let item = draw.below(50) == 0 ? "NULL" : key(draw.below(60), type)
                let time =
                    draw.below(12) == 0
                    ? bad[draw.below(bad.count)]
                    : "'2025-11-01Z'::timestamptz + \(draw.below(40)) * interval '1 day' + \(draw.below(2)) * interval '1 us'"
                let label = draw.below(60) == 0 ? "NULL" : "'\(labels[draw.below(labels.count)])'"
                let scene = ["NULL", "''", "'home'", "'search'"][draw.below(4)]
                return "(\(user), \(item), \(time), \(label), \(scene))"
            }
            try database.connection.script(
                "INSERT INTO events VALUES \(values.joined(separator: ", "))", doing: "filling the events")
        }

        func source(_ relation: String = "events") throws -> EventSource {
            try EventSource(
                SourceNames(events: relation, items: nil, exclusions: nil), on: database.connection)
        }
    }

    private static let asOf = "2025-12-05 00:00:00Z"
    private static let scenes = ["home": Int32(1), "search": 2]

    private static func place(_ number: Int) -> ItemPlace? {
        number % 10 == 3 ? nil : ItemPlace(row: Int32(number), cluster: number % 11 == 0 ? -1 : Int32(number % 7))
    }

    /// All users' events as lines of text, sorted, as users come in no particular order.
    private func read(
        _ drawn: Drawn, _ relation: String = "events", workers: Int = 2, memoryBytes: Int = 64 << 20
    ) throws -> (users: [[String]], reader: EngagedEventReader) {
        let source = try drawn.source(relation)
        let places = Dictionary(
            uniqueKeysWithValues: (0..<60).map {
                (source.itemType.parse(plain($0, drawn.types.item))!, Self.place($0))
            })
        var reader = EngagedEventReader(
            source, asOf: Self.asOf, now: Moment.year2026,
            space: ReadingSpace(workers: workers, memoryBytes: memoryBytes))
        let users = Mutex<[[String]]>([])
        let searchPath = drawn.database.schema
        try reader.read(
            on: drawn.database.connection,
            connect: {
                let connection = try Connection(applicationName: "nearline-tests")
                try connection.execute("SET search_path = \(searchPath)", doing: "choosing the test's schema")
                return connection
            }, place: { places[$0] ?? nil }, scene: { $0.flatMap { Self.scenes[$0] } ?? 0 }
        ) { worker, events in
            #expect(worker >= 0 && worker < workers)
            let lines = events.items.indices.map {
                "\(events.items[$0]) \(events.clusters[$0]) \(events.times[$0]) \(events.scenes[$0])"
            }
            users.withLock { $0.append(lines) }
        }
        return (users.withLock { $0 }.sorted { $0.lexicographicallyPrecedes($1) }, reader)
    }

    /// The same by one query.
    private func expected(_ drawn: Drawn) throws -> (users: [[String]], unknown: Int) {
        let collation = drawn.types.item == "text" ? " COLLATE \"C\"" : ""
        let rows = try drawn.database.connection.execute(
            """
            SELECT user_id::text AS who, item_id::text AS item, coalesce(scene, '') AS scene,
                (extract(epoch FROM occurred_at) * 1000000)::bigint AS at
            FROM events WHERE user_id IS NOT NULL AND item_id IS NOT NULL AND occurred_at <= '\(Self.asOf)'
                AND occurred_at >= '1990-01-01Z' AND lower(action) IN ('click', 'purchase', 'fav', 'pv')
            ORDER BY user_id, occurred_at, item_id\(collation),
                CASE scene WHEN 'home' THEN 1 WHEN 'search' THEN 2 ELSE 0 END
            """, doing: "reading what is expected")
        let numbers = Dictionary(uniqueKeysWithValues: (0..<60).map { (plain($0, drawn.types.item), $0) })
        var users: [String: [String]] = [:], unknown = 0
        for row in rows {
            guard let place = Self.place(numbers[try row.string("item")]!), place.cluster >= 0 else {
                unknown += 1
                continue
            }
            let scene = Self.scenes[try row.string("scene")] ?? 0
            users[try row.string("who"), default: []].append(
                "\(place.row) \(place.cluster) \(try row.int("at")) \(scene)")
        }
        return (users.values.sorted { $0.lexicographicallyPrecedes($1) }, unknown)
    }

    @Test(arguments: ["bigint", "integer", "uuid", "text"], [1, 2, 5])
    func usersAndTheirOrderAreThoseOfAQuery(_ type: String, _ workers: Int) throws {
        let drawn = try Drawn(type, rows: 6000, seed: UInt64(workers))
        let expected = try expected(drawn)
        let (users, reader) = try read(drawn, workers: workers)
        #expect(users == expected.users && !users.isEmpty)
        #expect(reader.unknownItems == expected.unknown && expected.unknown > 0)
        // Without memory all of it goes through files, but for what is in hand.
        #expect(try read(drawn, workers: workers, memoryBytes: 0).users == expected.users)
    }

    @Test func badRowsAreThoseThatTheOtherReadersRefuse() throws {
        let drawn = try Drawn("text", rows: 5000, seed: 9)
        try drawn.database.connection.script(
            """
            INSERT INTO events SELECT v.u, v.i, occurred_at, 'click' FROM (SELECT min(occurred_at) AS occurred_at FROM events
                WHERE occurred_at > '1990-01-01Z') e, (VALUES (repeat('u', 1025), 'k1'), ('k1', repeat('i', 1025))) v (u, i)
            """, doing: "adding overlong keys")
        let source = try drawn.source()
        var other = HistoryReader(
            source, vocabulary: vocabulary(.text, [.text("k1")]), settings: HistorySettings(), asOf: Self.asOf,
            now: Moment.year2026)
        try other.read(on: drawn.database.connection) { _, _ in }
        let reader = try read(drawn).reader
        #expect(reader.refused.counts == other.refused.counts && reader.events == other.events)
        #expect(RefusedReason.allCases.allSatisfy { reader.refused.counts[$0] ?? 0 > 0 })
        #expect(reader.refused.sample.count <= RefusedReason.allCases.count * RefusedRows.samplePerReason)
        #expect(reader.refused.sample.contains { $0.text.contains("action an unknown label, and a long one") })
    }

    @Test func aViewAndAPartitionedTableAreReadOverOneConnection() throws {
        let drawn = try Drawn("bigint", rows: 3000, seed: 4)
        try drawn.database.connection.script(
            """
            CREATE VIEW seen AS SELECT * FROM events;
            CREATE TABLE parts (LIKE events) PARTITION BY HASH (user_id);
            CREATE TABLE parts_0 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 0);
            CREATE TABLE parts_1 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 1);
            INSERT INTO parts SELECT * FROM events
            """, doing: "making other relations")
        let expected = try expected(drawn).users
        #expect(try read(drawn, "seen").users == expected)
        #expect(try read(drawn, "parts").users == expected)
    }

    @Test func anEmptyTableHasNoUsers() throws {
        let drawn = try Drawn("bigint", rows: 1, seed: 4)
        try drawn.database.connection.script("TRUNCATE events", doing: "emptying the events")
        #expect(try read(drawn).users.isEmpty)
    }

    @Test func whatTheCallerThrowsComesBack() throws {
        struct Enough: Error {}
        let drawn = try Drawn("bigint", rows: 500, seed: 4), source = try drawn.source()
        let searchPath = drawn.database.schema
        var reader = EngagedEventReader(source, asOf: Self.asOf, now: Moment.year2026)
        #expect(throws: Enough.self) {
            try reader.read(
                on: drawn.database.connection,
                connect: {
                    let connection = try Connection(applicationName: "nearline-tests")
                    try connection.execute("SET search_path = \(searchPath)", doing: "choosing the test's schema")
                    return connection
                }, place: { _ in ItemPlace(row: 0, cluster: 0) }
            ) { _, _ in throw Enough() }
        }
        #expect(try read(drawn).users.count > 0)
    }
}

/// A key of a type as it stands in SQL.
private func key(_ number: Int, _ type: String) -> String {
    type == "uuid" || type == "text" ? "'\(plain(number, type))'" : plain(number, type)
}

/// Whose order is not that of the numbers: some negative, some alike but for the case.
private func plain(_ number: Int, _ type: String) -> String {
    switch type {
    case "uuid":
        let digits = String(number * 7919 % 65_536, radix: 16)
        return "\(String(repeating: "0", count: 8 - digits.count))\(digits)-0000-4000-8000-0000000000ff"
    case "text": return (number % 2 == 0 ? "K" : "k") + (number % 3 == 0 ? "é" : "") + "\(number)"
    default: return "\(number * 7919 % 1000 - 300)"
    }
}
