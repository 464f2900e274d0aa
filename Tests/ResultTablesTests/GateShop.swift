import Checksum
import Domain
import Postgres
import ResultCodec
import ResultTables
import TestSupport
import Testing

/// A release that passes every gate, with parts for a test to change before it is built.
struct GateRelease {
    var types: (user: IDType, item: IDType) = (.bigint, .bigint)
    var model = "m1"
    var asOf = "2025-01-01Z"
    var wanted = 10
    /// The item keys, in the order of the dictionary's rows. The last is in no list.
    var items = Array(0..<60)
    var lists: [(user: Int, list: [Candidate])]
    var fallback = GateRelease.list(rows: 5..<15, source: .popular)
    var clusters = ["tea", "cups", "lamps", "rugs", "mugs", "jars", "pots", "pans"]
    var transitions: [(key: Int64, next: [Candidate])] = (0..<8).map {
        (Int64($0), GateRelease.list(rows: ($0 / 4)..<($0 / 4 + 6), source: .transition))
    }

    init(users: Range<Int> = 0..<40, seed: UInt64 = 1) {
        var draw = SeededGenerator(seed: seed, stream: 0x6a7e)
        lists = users.map {
            ($0, GateRelease.list(rows: (0..<59).shuffled(using: &draw).prefix(10), source: .model))
        }
    }

    /// Every user has the same list.
    init(users: Range<Int> = 0..<40, everyList: [Candidate]) {
        lists = users.map { ($0, everyList) }
    }

    static func list(rows: some Sequence<Int>, source: CandidateSource) -> [Candidate] {
        rows.enumerated().map { Candidate(row: UInt32($1), score: 1 - Float($0) / 16, source: source) }
    }

    func build(on connection: Connection) throws -> Int {
        let vocabulary = Vocabulary(
            itemType: types.item, items: items.map { key(types.item, $0) },
            category: Array(repeating: 0, count: items.count), seller: Array(repeating: 0, count: items.count),
            categories: [""], sellers: [""], scenes: [""])
        let writer = try ReleaseWriter(
            ReleaseFacts(
                model: model, asOf: asOf, serveAt: "2025-01-02Z", settingsHash: "s", candidatesPerUser: wanted),
            userType: types.user, itemType: types.item, items: items.count, on: connection)
        let keyed = lists.map { (user: key(types.user, $0.user), list: $0.list) }
        try writer.write(keyed[..<(keyed.count / 3)])
        try writer.write(keyed[(keyed.count / 3)...])
        try writer.writeFallback(fallback)
        try writer.write(TransitionBuild(clusters: clusters.map { ($0, 5) }, transitions: transitions))
        try writer.finish(vocabulary)
        return writer.release
    }
}

/// A database with a current release, for tests of the next one.
struct GateShop {
    let database: EmptyDatabase
    var bounds = GateBounds()
    var source = GateSource()

    var connection: Connection { database.connection }

    /// - Parameter current: nil where nothing is published yet.
    init(current: GateRelease? = GateRelease(seed: 1)) throws {
        database = try EmptyDatabase.migrated()
        try database.run(
            """
            INSERT INTO nearline.model (model, file, as_of, vocabulary_hash, item_type, settings)
            VALUES ('m2', 'm2.safetensors', '2025-01-02Z', 'h', 'bigint', '{}')
            """)
        if let current { try ReleaseSwitch(connection).publish(try current.build(on: connection)) }
    }

    /// Checks; runs each finding's query too, and sees that the table holds what was returned. Over a damaged list a
    /// query may stop with the server's word for that.
    func check(_ release: Int) throws -> [GateFinding] {
        let findings = try ReleaseGates(bounds, source: source, on: connection).check(release)
        #expect(findings.map(\.gate) == Gate.allCases)
        let stored = try connection.execute(
            "SELECT gate, passed, figure, bound, query FROM nearline.release_gate WHERE release = $1::int",
            [.int(Int64(release))], doing: "reading findings"
        ).map { row in
            GateFinding(
                gate: try #require(Gate(rawValue: try row.string("gate"))), passed: try row.bool("passed"),
                figure: try row.string("figure"), bound: try row.string("bound"), query: try row.string("query"))
        }
        #expect(stored.count == findings.count && findings.allSatisfy(stored.contains))
        let isDamaged = findings.contains { $0.gate == .damaged && !$0.passed }
        for finding in findings {
            let error = thrown(PostgresError.self) { _ = try shown(finding) }
            #expect(error == nil || isDamaged && finding.gate != .damaged && error?.sqlState == "XX001", "\(finding)")
        }
        return findings
    }

    /// The gates that are not passed.
    func failing(_ release: Int) throws -> [Gate] { try check(release).filter { !$0.passed }.map(\.gate) }

    func failing(_ release: GateRelease) throws -> [Gate] { try failing(try release.build(on: connection)) }

    func finding(_ gate: Gate, _ release: Int) throws -> GateFinding {
        try #require(try check(release).first { $0.gate == gate })
    }

    /// What a person sees who pastes the query.
    func shown(_ finding: GateFinding) throws -> Rows {
        try connection.execute(finding.query, doing: "running the query of gate \(finding.gate)")
    }

    func run(_ sql: String) throws { try database.run(sql) }

    /// Puts other bytes in the place of a user's list.
    func rewrite(_ user: Int, _ release: Int, bytes payload: [UInt8]) throws {
        let changed = try connection.execute(
            "UPDATE nearline.candidate SET payload = $1 WHERE user_id = $2 AND release = $3::int",
            [.bytes(payload), .text(key(.bigint, user).description), .int(Int64(release))], doing: "rewriting a list")
        #expect(changed.affected == 1)
    }

    func rewrite(_ user: Int, _ release: Int, _ list: [Candidate]) throws {
        var encoder = PayloadEncoder()
        try rewrite(user, release, bytes: try encoder.encode(list))
        try recount(release)
    }

    /// Makes the stored exposure fit the lists, counted in SQL.
    func recount(_ release: Int) throws {
        try run(
            """
            UPDATE nearline.release_item i SET lists = coalesce(n.lists, 0), lists_top_10 = coalesce(n.top, 0)
            FROM nearline.release_item j LEFT JOIN (
                SELECT u.item_row, count(*) AS lists, count(*) FILTER (WHERE u.rank <= 10) AS top
                FROM nearline.candidate c CROSS JOIN LATERAL nearline.unpack(c.payload) u
                WHERE c.release = \(release) GROUP BY 1
            ) n USING (item_row) WHERE j.release = \(release) AND i.release = \(release) AND j.item_row = i.item_row
            """)
    }

    func payload(of user: Int, _ release: Int) throws -> [UInt8] {
        try connection.execute(
            "SELECT payload FROM nearline.candidate WHERE user_id = $1 AND release = $2::int",
            [.text(key(.bigint, user).description), .int(Int64(release))], doing: "reading a list")[0].bytes("payload")
    }
}

/// A payload of byte planes with a right checksum, of lists that no writer would write.
///
/// - Parameter first: the sortable bits of the first score; the others are the same.
func handmadePayload(rows: [UInt32], first: UInt16 = 0xBC00) -> [UInt8] {
    var body: [UInt8] = []
    for shift in [0, 8, 16, 24] { body += rows.map { UInt8(truncatingIfNeeded: $0 >> UInt32(shift)) } }
    for shift in [0, 8] { body += rows.indices.map { $0 == 0 ? UInt8(truncatingIfNeeded: first >> UInt16(shift)) : 0 } }
    body += rows.map { _ in 0 }
    let head: [UInt8] = [0x4E, 1, 0, 0, UInt8(rows.count), 0, UInt8(body.count), 0, 0, 0]
    let checksum = (head + body).withUnsafeBytes { Checksum.short($0) }
    return head + (0..<4).map { UInt8(truncatingIfNeeded: checksum >> UInt32(8 * $0)) } + body
}
