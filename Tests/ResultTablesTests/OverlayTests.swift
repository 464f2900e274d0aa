import Domain
import Foundation
import Postgres
import ResultTables
import TestSupport
import Testing

@Suite struct OverlayTests {
    private let database: EmptyDatabase
    private let drawn = DrawnRelease()

    init() throws {
        database = try EmptyDatabase.migrated()
        try database.connection.publish(drawn)
    }

    private func writer(limit: Int = 100, _ release: Int? = nil, on connection: Connection? = nil) throws
        -> OverlayWriter
    {
        let catalogue = ReleaseCatalogue(database.connection)
        let row = try release.map { try catalogue.release($0) } ?? catalogue.current()!
        return try OverlayWriter(row, userType: .bigint, limit: limit, on: connection ?? database.connection)
    }

    private func list(_ rows: [UInt32]) -> [Candidate] {
        rows.enumerated().map { Candidate(row: $1, score: 1 - Float($0) / 64, source: .repeat) }
    }

    private func served(_ user: ExternalID) throws -> [String] {
        try database.texts("SELECT item_id::text AS it FROM nearline.lookup(\(user)) ORDER BY rank")
    }

    private func origin(_ user: ExternalID) throws -> String {
        try database.texts("SELECT origin AS it FROM nearline.lookup_facts(\(user))")[0]
    }

    private func items(_ rows: [UInt32]) -> [String] { rows.map { drawn.vocabulary.items[Int($0)].description } }

    @Test func aNewerListIsReadBeforeTheNightsAndNobodyElsesChanges() throws {
        let users = drawn.lists.map(\.user), before = try served(users[1])
        let stranger = ExternalID.integer(4711)
        #expect(
            try writer().write([(users[0], list([3, 1, 2])), (stranger, list([7]))], asOf: "2025-01-02Z").users == 2)
        #expect(try served(users[0]) == items([3, 1, 2]))
        #expect(try served(stranger) == items([7]))
        #expect(try served(users[1]) == before)
        #expect(try CandidateLookup(database.connection).list(of: "\(users[0])").items.map(\.item) == items([3, 1, 2]))
        #expect(try [users[0], users[1], .integer(99)].map(origin) == ["overlay", "own", "fallback"])
        let everything = try database.texts(
            "SELECT item_id::text AS it FROM nearline.candidates WHERE user_id = \(users[0]) ORDER BY rank")
        #expect(everything == items([3, 1, 2]))
        #expect(
            try database.number("SELECT count(DISTINCT user_id) FROM nearline.candidates") == drawn.lists.count + 1)
    }

    @Test func ofTwoListsOfAUserTheOneThatHasSeenMoreStays() throws {
        let user = drawn.lists[0].user
        _ = try writer().write([(user, list([1]))], asOf: "2025-01-02Z")
        #expect(try writer().write([(user, list([2]))], asOf: "2025-01-03Z").users == 1)
        #expect(try served(user) == items([2]))
        #expect(try writer().write([(user, list([3]))], asOf: "2025-01-02T12:00:00Z").users == 1)
        #expect(try served(user) == items([2]))
    }

    @Test func itNeverGrowsPastItsBoundAndUpdatesStillFit() throws {
        let users = drawn.lists.map(\.user), lists = [(users[0], list([1])), (users[1], list([1]))]
        #expect(try writer(limit: 2).write(lists, asOf: "2025-01-02Z").users == 2)
        let more = [(users[3], list([5])), (users[0], list([5])), (users[2], list([5]))]
        let outcome = try writer(limit: 2).write(more, asOf: "2025-01-03Z")
        #expect(outcome.users == 2)
        #expect(Set(outcome.turnedAway) == ["\(users[2])", "\(users[3])"])
        #expect(try served(users[0]) == items([5]), "who is in it gets the newer list")
        #expect(try writer(limit: 3).write(more, asOf: "2025-01-03Z").turnedAway == ["\(users[2])"], "first come")
        #expect(try served(users[3]) == items([5]))
    }

    @Test func aWithdrawnListMakesRoomAndTheNightsIsServedAgain() throws {
        let users = drawn.lists.map(\.user), before = try served(users[0])
        try writer(limit: 1).write([(users[0], list([1]))], asOf: "2025-01-02Z")
        let outcome = try writer(limit: 1).write([(users[1], list([2]))], withdrawing: [users[0]], asOf: "2025-01-03Z")
        #expect(outcome.users == 1 && outcome.turnedAway.isEmpty)
        #expect(try served(users[0]) == before)
        try writer().write([], withdrawing: [users[1]], asOf: "2025-01-02T12:00:00Z")
        #expect(try served(users[1]) == items([2]), "it has seen later events")
    }

    @Test func whoIsToBeForgottenIsLeftOut() throws {
        let users = drawn.lists.map(\.user)
        try database.run("INSERT INTO nearline.forgotten (user_id) VALUES ('\(users[0])')")
        #expect(
            try writer().write([(users[0], list([1])), (users[1], list([1]))], asOf: "2025-01-02Z").users == 1)
        #expect(try database.texts("SELECT user_id::text AS it FROM nearline.overlay") == ["\(users[1])"])
    }

    /// Forgetting waits for a writer that has looked already, and then finds what it wrote.
    @Test func whoIsForgottenWhileTheirListIsWrittenIsNowhereAfterwards() throws {
        let user = drawn.lists[0].user, other = try database.connect(), name = database.name
        func wait(_ query: String) throws {
            let deadline = ContinuousClock.now + .seconds(20)
            while try database.number(query) == 0, ContinuousClock.now < deadline { usleep(1000) }
        }
        try writer(on: other).write([(user, list([1]))], asOf: "2025-01-02Z") { _ in
            Thread.detachNewThread {
                let admin = try? Connection("dbname=\(name)", applicationName: "nearline-tests forget")
                try? admin?.script("SELECT nearline.forget('\(user)')", doing: "forgetting")
            }
            try wait("SELECT count(*) FROM pg_locks WHERE NOT granted")
        }
        try wait("SELECT count(*) FROM nearline.forgotten")
        #expect(try database.number("SELECT count(*) FROM nearline.forgotten") == 1)
        #expect(try database.number("SELECT count(*) FROM nearline.overlay WHERE user_id = \(user)") == 0)
    }

    @Test func theNextReleaseBeginsWithoutAndARollbackFindsItAgain() throws {
        let user = drawn.lists[0].user
        _ = try writer().write([(user, list([1, 2]))], asOf: "2025-01-02Z")
        let next = try database.connection.publish(drawn)
        #expect(try served(user) == items(drawn.lists[0].list.map(\.row)))
        #expect(
            thrown(ReleaseError.self) { _ = try writer(1).write([(user, list([4]))], asOf: "2025-01-03Z") }
                == .supersededMeanwhile(release: 1, by: next))
        try ReleaseSwitch(database.connection).rollBack(from: next, to: 1, reason: nil)
        #expect(try served(user) == items([1, 2]))
    }

    @Test func aListOfAnotherVocabularyIsRefused() throws {
        let error = thrown(ReleaseError.self) {
            _ = try writer().write([(drawn.lists[0].user, list([1, 50]))], asOf: "2025-01-02Z")
        }
        #expect(error == .rowOutsideDictionary(release: 1, row: 50, items: 50))
        #expect(try database.number("SELECT count(*) FROM nearline.overlay") == 0)
    }

    @Test func writersTakeTurnsAndTheBoundHoldsBetweenThem() throws {
        let drawn = drawn, name = database.name, release = try ReleaseCatalogue(database.connection).current()!
        let outcomes = inThreads(6) { thread in
            let connection = try Connection("dbname=\(name)", applicationName: "nearline-tests")
            let writer = try OverlayWriter(release, userType: .bigint, limit: 4, on: connection)
            let list = [Candidate(row: UInt32(thread), score: 1, source: .model)]
            return try writer.write([(drawn.lists[thread].user, list)], asOf: "2025-01-02Z").turnedAway.isEmpty
        }
        #expect(try outcomes.filter { try $0.get() }.count == 4)
        #expect(try database.number("SELECT count(*) FROM nearline.overlay") == 4)
    }
}
