import Domain
import Postgres
import ResultTables
import TestSupport
import Testing

/// Of the pair of clusters, else of the latest alone, else of everybody.
@Suite struct NextClustersTests {
    private let database: EmptyDatabase
    private static let names = ["tea", "cups", "it's odd", "lamps"]

    init() throws {
        database = try EmptyDatabase.migrated()
        func next(_ pairs: (UInt32, Float)...) -> [Candidate] {
            pairs.map { Candidate(row: $0.0, score: $0.1, source: .transition) }
        }
        let release = try database.connection.build(
            DrawnRelease(), clusters: Self.names.map { ($0, 5) },
            transitions: [
                (0, next((0, 0.5), (3, 0.25))),  // everybody
                (1, next((1, 0.75), (2, 0.25))),  // after tea
                (2, next((3, 1))),  // after cups
                (1 << 32 | 2, next((2, 0.5), (3, 0.5))),  // tea, then cups
            ])
        try ReleaseSwitch(database.connection).publish(release)
    }

    private func ask(_ older: String?, _ latest: String?) throws -> (clusters: [String], used: Set<String>) {
        let rows = try database.connection.execute(
            "SELECT rank, cluster, probability, key_used FROM nearline.next_clusters($1, $2)",
            [Parameter(older), Parameter(latest)], doing: "asking for the next clusters")
        #expect(try rows.map { try $0.int("rank") } == Array(1..<rows.count + 1))
        return (
            try rows.map { "\(try $0.string("cluster")) \(try $0.string("probability"))" },
            Set(try rows.map { try $0.string("key_used") })
        )
    }

    @Test func aPairThatIsKnownAnswersForItself() throws {
        let found = try ask("tea", "cups")
        #expect(found.clusters == ["it's odd 0.5", "lamps 0.5"] && found.used == ["pair"])
    }

    @Test(arguments: ["cups", "lamps", "never heard of", nil] as [String?])
    func aPairThatIsNotKnownFallsBackToTheLatest(_ older: String?) throws {
        let found = try ask(older, "tea")
        #expect(found.clusters == ["cups 0.75", "it's odd 0.25"] && found.used == ["latest"])
    }

    @Test(arguments: ["never heard of", nil, "tea"] as [String?])
    func aClusterThatIsNotKnownAndARepeatArePassedOver(_ latest: String?) throws {
        let found = try ask("tea", latest)
        #expect(found.clusters == ["cups 0.75", "it's odd 0.25"] && found.used == ["latest"])
    }

    @Test func ofALongerHistoryTheLastClustersCount() throws {
        let found = try database.texts(
            """
            SELECT cluster || ' ' || key_used AS it
            FROM nearline.next_clusters('lamps', 'cups', 'tea', 'never heard of', 'cups', 'cups') ORDER BY rank
            """)
        #expect(found == ["it's odd pair", "lamps pair"])
    }

    @Test(arguments: [("tea", "lamps"), ("nowhere", "never heard of"), (nil, nil)] as [(String?, String?)])
    func aKeyThatIsNotThereFallsBackToEverybody(_ older: String?, _ latest: String?) throws {
        let found = try ask(older, latest)
        #expect(found.clusters == ["tea 0.5", "lamps 0.25"] && found.used == ["everybody"])
    }

    @Test func oneClusterAloneMayBeAskedFor() throws {
        #expect(
            try database.texts("SELECT cluster AS it FROM nearline.next_clusters('cups') ORDER BY rank") == ["lamps"])
        #expect(try database.texts("SELECT key_used AS it FROM nearline.next_clusters('cups')") == ["latest"])
    }

    @Test func withoutARowForEverybodyThereIsNoAnswer() throws {
        try database.run("DELETE FROM nearline.transition WHERE key = 0")
        #expect(try ask(nil, "lamps").clusters.isEmpty)
    }

    @Test func keysPackTheOlderClusterAboveTheLatest() throws {
        func key(_ older: String, _ latest: String) throws -> Int {
            try database.number("SELECT nearline.transition_key(\(older), \(latest))")
        }
        #expect(try key("NULL", "NULL") == 0)
        #expect(try key("NULL", "0") == 1)
        #expect(try key("0", "NULL") == 1 << 32)
        #expect(try key("3", "7") == 4 << 32 | 8)
        #expect(try database.number("SELECT nearline.transition_key_of(ARRAY[3, 7])") == 4 << 32 | 8)
        #expect(
            try database.number("SELECT nearline.transition_key_of(ARRAY[9, 2, 3, 7], 5)") == 3 << 48 | 4 << 32 | 5
                << 16 | 8)
        #expect(try database.number("SELECT nearline.transition_key_of('{}')") == 0)
        #expect(try key("2147483646", "2147483646") == 2_147_483_647 << 32 | 2_147_483_647)
    }
}
