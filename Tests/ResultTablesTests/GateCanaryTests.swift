import Domain
import Postgres
import ResultTables
import TestSupport
import Testing

/// The gate that reads through the lookups, and the sample that it reads.
@Suite struct GateCanaryTests {
    private let shop: GateShop
    private let release: Int
    private let next: GateRelease

    init() throws {
        shop = try GateShop()
        var next = GateRelease(seed: 2)
        next.asOf = "2025-01-02Z"
        next.transitions += [(1 << 32 | 2, GateRelease.list(rows: 3..<6, source: .transition))]
        self.next = next
        release = try next.build(on: shop.connection)
    }

    private static func lookup(_ rank: String, _ item: String, _ score: String, _ source: String) -> String {
        """
        CREATE OR REPLACE FUNCTION nearline.lookup(wanted bigint)
        RETURNS TABLE (rank int, item_id bigint, score real, source text) LANGUAGE sql STABLE AS $$
            SELECT \(rank), \(item), \(score), \(source)
            FROM nearline.lookup_in((SELECT release FROM nearline.current_release), wanted)
        $$
        """
    }

    @Test(arguments: [
        (lookup("rank", "item_id", "score", "source"), true),
        (lookup("rank + 1", "item_id", "score", "source"), false),
        (lookup("rank", "item_id - (rank = 10)::int", "score", "source"), false),
        (lookup("rank", "item_id", "score + 0.001::real", "source"), false),
        (lookup("rank", "item_id", "score", "'repeat'"), false),
        (lookup("rank", "item_id", "score", "'of tomorrow'"), false),
        (lookup("rank", "item_id", "(1 / (rank - 10))::real", "source"), false),
    ])
    func aLookupThatAnswersAnythingElseFails(_ function: String, _ passes: Bool) throws {
        try shop.run(function)
        #expect(try shop.failing(release) == (passes ? [] : [.canary]))
        #expect(try ReleaseCatalogue(shop.connection).current()?.release == 1)
    }

    @Test func aLookupOfTheOldReleaseFails() throws {
        try shop.run(
            Self.lookup("rank", "item_id", "score", "source")
                .replacing("(SELECT release FROM nearline.current_release)", with: "1"))
        #expect(try shop.failing(release) == [.canary])
        #expect(
            try shop.finding(.canary, release).figure
                == "32 of 33 lists and 0 of 8 transition keys are answered differently from what is stored")
    }

    /// One that goes by the table itself, so that only the lookup of one user is wrong.
    @Test func aLookupOfOneUserIsReadToo() throws {
        try shop.run(
            Self.lookup("rank", "item_id", "score / 2", "source") + ";"
                + """
                CREATE OR REPLACE FUNCTION nearline.lookup_many(wanted bigint[])
                RETURNS TABLE (user_id bigint, rank int, item_id bigint, score real, source text)
                LANGUAGE sql STABLE AS $$
                    SELECT w.user_id, l.* FROM unnest(wanted) AS w (user_id) CROSS JOIN LATERAL
                        nearline.lookup_in((SELECT release FROM nearline.current_release), w.user_id) l
                $$
                """)
        #expect(try shop.failing(release) == [.canary])
    }

    @Test func aLookupForManyThatAnswersOnlyTheFirstFails() throws {
        try shop.run(
            """
            CREATE OR REPLACE FUNCTION nearline.lookup_many(wanted bigint[])
            RETURNS TABLE (user_id bigint, rank int, item_id bigint, score real, source text) LANGUAGE sql STABLE AS $$
                SELECT wanted[1], l.* FROM nearline.lookup(wanted[1]) l
            $$
            """)
        #expect(try shop.failing(release) == [.canary])
    }

    @Test func aLookupOfClustersThatAnswersForEverybodyFails() throws {
        try shop.run(
            """
            CREATE OR REPLACE FUNCTION nearline.next_clusters(older text, latest text)
            RETURNS TABLE (rank int, cluster text, probability real, key_used text) LANGUAGE sql STABLE AS $$
                SELECT u.rank, c.name, u.score, 'everybody' FROM nearline.current_release p
                JOIN nearline.transition t ON t.release = p.release AND t.key = 0
                CROSS JOIN LATERAL nearline.unpack(t.payload) u
                JOIN nearline.release_cluster c ON c.release = p.release AND c.cluster = u.item_row
            $$
            """)
        #expect(try shop.failing(release) == [.canary])
    }

    @Test func theSampleIsWhatWasWritten() throws {
        let sample = try CanarySample.draw(release: release, users: 12, keys: 99, on: shop.connection)
        #expect(sample.release == release && sample.users.count == 12 && sample.count == 13)
        #expect(sample.transitions.count == 9 && sample.unknownUser == "-1")
        func listed(_ list: [Candidate]) -> [ListedItem] {
            list.enumerated().map {
                ListedItem(
                    rank: $0 + 1, item: key(.bigint, Int($1.row)).description, score: $1.score, source: $1.source)
            }
        }
        let written = Dictionary(uniqueKeysWithValues: next.lists.map { (key(.bigint, $0.user).description, $0.list) })
        for user in sample.users { #expect(user.items == listed(try #require(written[user.user]))) }
        #expect(sample.fallback == listed(next.fallback))
        let pair = try #require(sample.transitions.first { $0.older != nil })
        #expect(pair.older == "tea" && pair.latest == "cups" && pair.next.map(\.cluster) == ["rugs", "mugs", "jars"])
        #expect(sample.transitions[0].latest == nil)
        #expect(try CanarySample.draw(release: release, users: 12, keys: 99, on: shop.connection) == sample)
    }

    @Test func anyWayOfReadingIsHeldAgainstTheSample() throws {
        let sample = try CanarySample.draw(release: release, users: 12, keys: 0, on: shop.connection)
        try ReleaseSwitch(shop.connection).publish(release)
        let lookup = CandidateLookup(shop.connection)
        #expect(try sample.differing { try lookup.list(of: $0).items } == [])
        let wrong = sample.users[3].user
        #expect(try sample.differing { try $0 == wrong ? [] : lookup.list(of: $0).items } == [wrong])
        #expect(try sample.differing { try $0 == "-1" ? [] : lookup.list(of: $0).items } == ["-1"])
    }

    @Test func aKeyThatHasAListIsNotTakenForUnknown() throws {
        try shop.run("UPDATE nearline.candidate SET user_id = -1 WHERE release = 2 AND user_id = \(key(.bigint, 4))")
        let sample = try CanarySample.draw(release: release, users: 99, keys: 0, on: shop.connection)
        #expect(sample.unknownUser == "-2" && sample.users.count == 40)
        #expect(try shop.failing(release) == [])
    }
}
