import Domain
import Postgres
import ResultTables
import TestSupport
import Testing

/// A list comes out as it was written, whichever way it is asked for.
@Suite struct LookupTests {
    /// One place of a list as SQL shows it, scores exact.
    private struct Place: Equatable {
        var user: String?
        var rank: Int
        var item: String
        var score: Float
        var source: String
    }

    private func places(_ query: String, _ parameters: [Parameter], on connection: Connection) throws -> [Place] {
        try connection.execute(query, parameters, doing: "looking up in SQL").map { row in
            Place(
                user: try row.optionalString("user_id"), rank: try row.int("rank"), item: try row.string("item_id"),
                score: try #require(Float(try row.string("score"))), source: try row.string("source"))
        }
    }

    private func expect(_ answer: [ListedItem], _ list: [Candidate], _ drawn: DrawnRelease, _ note: String) {
        #expect(answer.map(\.rank) == Array(1...max(1, list.count)).prefix(list.count).map { $0 }, "\(note)")
        #expect(answer.map(\.item) == list.map { drawn.vocabulary.items[Int($0.row)].description }, "\(note)")
        #expect(answer.map(\.source) == list.map(\.source), "\(note)")
        // Scores are stored as float16: 11 bits.
        #expect(zip(answer, list).allSatisfy { abs($0.score - $1.score) <= 0.0005 }, "\(note)")
    }

    @Test(arguments: IDType.allCases, IDType.allCases)
    func everyWayOfLookingUpGivesTheListThatWasWritten(_ users: IDType, _ items: IDType) throws {
        let database = try EmptyDatabase.migrated(), drawn = DrawnRelease(users: users, items: items, seed: 7)
        let release = try database.connection.publish(drawn)
        let connection = database.connection
        let lookup = CandidateLookup(connection)
        var all: [Place] = []
        for (user, list) in drawn.lists {
            let answer = try lookup.list(of: user.description)
            #expect(answer.isOwn && answer.release.release == release)
            expect(answer.items, list, drawn, "user \(user)")
            let own = answer.items.map {
                Place(user: nil, rank: $0.rank, item: $0.item, score: $0.score, source: $0.source.label)
            }
            let sql = "SELECT NULL AS user_id, rank, item_id::text, score::text, source FROM nearline.lookup($1)"
            #expect(try places(sql, [.text(user.description)], on: connection) == own)
            all += own.map { place in
                var place = place
                place.user = user.description
                return place
            }
        }
        let columns = "user_id::text, rank, item_id::text, score::text, source"
        let keys = drawn.lists.map { Quote.literal($0.user.description) }.joined(separator: ", ")
        let many = try places(
            "SELECT \(columns) FROM nearline.lookup_many(ARRAY[\(keys)]::\(users.rawValue)[])", [], on: connection)
        #expect(many == all)
        let view = try places(
            "SELECT \(columns) FROM nearline.candidates c ORDER BY c.user_id, rank", [], on: connection)
        func sorted(_ places: [Place]) -> [Place] { places.sorted { ($0.user!, $0.rank) < ($1.user!, $1.rank) } }
        #expect(sorted(view) == sorted(all))
    }

    @Test func aUserWithoutAListGetsTheFallback() throws {
        let database = try EmptyDatabase.migrated(), drawn = DrawnRelease()
        try database.connection.publish(drawn)
        let answer = try CandidateLookup(database.connection).list(of: "12")
        #expect(!answer.isOwn)
        expect(answer.items, drawn.fallback, drawn, "nobody")
        #expect(try database.number("SELECT count(*) FROM nearline.lookup(12)") == drawn.fallback.count)
        #expect(
            try database.number("SELECT count(DISTINCT user_id) FROM nearline.lookup_many(ARRAY[12, 13]::bigint[])")
                == 2)
        // The view shows who has a list.
        #expect(try database.number("SELECT count(*) FROM nearline.candidates WHERE user_id = 12") == 0)
    }

    @Test func withoutAFallbackAUserWithoutAListGetsNothing() throws {
        let database = try EmptyDatabase.migrated(), drawn = DrawnRelease()
        try database.connection.publish(drawn)
        try database.run("DELETE FROM nearline.fallback")
        #expect(try CandidateLookup(database.connection).list(of: "12").items.isEmpty)
        #expect(try database.number("SELECT count(*) FROM nearline.lookup(12)") == 0)
    }

    @Test func beforeTheFirstPublicationThereIsNothing() throws {
        let database = try EmptyDatabase.migrated()
        let lookup = CandidateLookup(database.connection)
        #expect(thrown(ReleaseError.self) { _ = try lookup.list(of: "1") } == .noRelease)
        try database.connection.build(DrawnRelease())
        #expect(thrown(ReleaseError.self) { _ = try lookup.list(of: "1") } == .noRelease)
        #expect(try database.number("SELECT count(*) FROM nearline.lookup(\(Int64.max))") == 0)
        #expect(try database.number("SELECT count(*) FROM nearline.candidates") == 0)
        #expect(try database.number("SELECT count(*) FROM nearline.exposure") == 0)
    }

    @Test func aMalformedKeyIsTheServersErrorAndNamesTheType() throws {
        let database = try EmptyDatabase.migrated()
        try database.connection.publish(DrawnRelease())
        let error = thrown(PostgresError.self) { _ = try CandidateLookup(database.connection).list(of: "x1") }
        #expect(error?.sqlState == "22P02")
        #expect(error?.message.contains("bigint") == true)
    }

    @Test func exposureCountsTheListsOfEachItem() throws {
        let database = try EmptyDatabase.migrated(), drawn = DrawnRelease(seed: 9)
        try database.connection.publish(drawn)
        let rows = try database.connection.execute(
            "SELECT item_id::text AS item, lists, lists_top_10 FROM nearline.exposure", doing: "reading exposure")
        #expect(rows.count == drawn.vocabulary.count)
        for row in rows {
            let item = try row.string("item")
            let place = try #require(drawn.vocabulary.items.firstIndex { $0.description == item })
            let inAll = drawn.lists.filter { $0.list.contains { Int($0.row) == place } }.count
            let inTop = drawn.lists.filter { $0.list.prefix(10).contains { Int($0.row) == place } }.count
            #expect(try row.int("lists") == inAll && row.int("lists_top_10") == inTop, "item \(item)")
        }
    }

    @Test func exposureAndTheViewShowTheCurrentReleaseOnly() throws {
        let database = try EmptyDatabase.migrated()
        let old = DrawnRelease(seed: 1, itemCount: 40), new = DrawnRelease(seed: 2, count: 5, itemCount: 50)
        try database.connection.publish(old)
        try database.connection.build(new)
        #expect(try database.number("SELECT count(*) FROM nearline.exposure") == 40)
        #expect(
            try database.number("SELECT count(*) FROM nearline.candidates")
                == old.lists.reduce(0) { $0 + $1.list.count })
        try ReleaseSwitch(database.connection).publish(2)
        #expect(try database.number("SELECT count(*) FROM nearline.exposure") == 50)
        #expect(
            try database.number("SELECT count(*) FROM nearline.candidates")
                == new.lists.reduce(0) { $0 + $1.list.count })
    }
}
