import Domain
import Postgres
import ResultTables
import TestSupport
import Testing

/// Who may make which users' lists, and until when.
@Suite struct ShardBookTests {
    private let database: EmptyDatabase
    private let drawn = DrawnRelease(seed: 5, count: 30)
    private let writer: ReleaseWriter

    init() throws {
        database = try EmptyDatabase.migrated()
        writer = try database.connection.writer(drawn)
        try book(1).plan(["10", "20"])
    }

    private func book(_ worker: UInt64, on connection: Connection? = nil) -> ShardBook {
        ShardBook(release: writer.release, worker: UUIDKey(high: 1, low: worker), on: connection ?? database.connection)
    }

    private func another() throws -> Connection {
        try Connection("dbname=\(database.name)", applicationName: "another")
    }

    private func claimed(_ claim: ShardClaim) throws -> ClaimedShard {
        guard case .shard(let shard) = claim else {
            Issue.record("\(claim)")
            throw ReleaseError.noRelease
        }
        return shard
    }

    private func expire(_ shard: Int) throws {
        try database.run(
            "UPDATE nearline.release_shard SET lease_until = now() - interval '1 second' WHERE shard = \(shard)")
    }

    @Test func theFirstShardComesFirstAndTheOthersWaitForIt() throws {
        let first = try claimed(book(1).claim())
        #expect(first == ClaimedShard(number: 0, first: nil, end: "10", term: 1))
        #expect(try book(2, on: another()).claim() == .wait)
        try writer.write(drawn.lists.prefix(10), as: first)
        #expect(try claimed(book(2).claim()) == ClaimedShard(number: 1, first: "10", end: "20", term: 1))
        #expect(try claimed(book(1).claim()) == ClaimedShard(number: 2, first: "20", end: nil, term: 1))
        #expect(try book(1).claim() == .wait)
    }

    @Test func aShardIsClaimedAheadOnlyWhereAllWhoAreAtWorkFindOne() throws {
        let first = try claimed(book(1).claim())
        #expect(try book(1).claim(ahead: true) == .wait, "all others need the first one")
        try writer.write(drawn.lists.prefix(10), as: first)
        #expect(try claimed(book(1).claim()).number == 1)
        let other = try another()
        #expect(try book(1).claim(ahead: true) == .shard(ClaimedShard(number: 2, first: "20", end: nil, term: 1)))
        try book(1).giveBack()
        #expect(try claimed(book(1).claim()).number == 1)
        #expect(try claimed(book(2, on: other).claim()).number == 2)
        #expect(try book(1).claim(ahead: true) == .wait, "none is left")
        try database.run(
            "INSERT INTO nearline.release_shard (release, shard, state, first_user, written_at) VALUES (\(writer.release), 3, 'open', '90', now())"
        )
        #expect(try book(1).claim(ahead: true) == .wait, "two are at work, and one is left")
        #expect(try claimed(book(2, on: other).claim()).number == 3)
    }

    @Test func aShardIsStoredWithItsRowAndItsFigures() throws {
        let first = try claimed(book(1).claim())
        try writer.write(drawn.lists.prefix(10), as: first, figures: ["short lists": 3])
        let progress = try book(1).progress()
        #expect(progress.shards == 3 && progress.done == 1 && progress.users == 10)
        #expect(progress.payloadBytes == writer.payloadBytes)
        #expect(try book(1).figures()["short lists"] == 3)
    }

    @Test func anExpiredLeaseIsSomebodyElsesAndTheOldTermStoresNothing() throws {
        let old = try claimed(book(1).claim())
        try expire(0)
        // As behind a pooler: the session of the old term is not ended, and so can try.
        try database.run("UPDATE nearline.release_shard SET is_pooled = true")
        let other = try another()
        let new = try claimed(book(2, on: other).claim())
        #expect(new.number == 0 && new.term == 2)
        #expect(
            thrown(ReleaseError.self) { try writer.write(drawn.lists.prefix(10), as: old) }
                == .shardLost(release: writer.release, shard: 0))
        #expect(try database.number("SELECT count(*) FROM nearline.candidate_r\(writer.release)") == 0)
        #expect(try !ShardBook.renew(old, of: writer.release, on: database.connection))
        #expect(try ShardBook.renew(new, of: writer.release, on: database.connection))
        try writer.write(drawn.lists.prefix(10), as: new)
        #expect(try database.number("SELECT count(*) FROM nearline.candidate_r\(writer.release)") == 10)
    }

    @Test func aShardThatIsDoneIsStoredOnce() throws {
        let shard = try claimed(book(1).claim())
        try writer.write(drawn.lists.prefix(10), as: shard)
        #expect(
            thrown(ReleaseError.self) { try writer.write(drawn.lists.prefix(10), as: shard) }
                == .shardLost(release: writer.release, shard: 0))
        #expect(try database.number("SELECT count(*) FROM nearline.candidate_r\(writer.release)") == 10)
    }

    @Test func theEndOfASessionGivesItsShardAway() throws {
        do {
            let gone = try another()
            _ = try claimed(book(2, on: gone).claim())
        }
        var claim = try book(1).claim()
        // The server takes a moment to see that a session has ended.
        for _ in 0..<100 where claim == .wait {
            _ = try database.connection.execute("SELECT pg_sleep(0.05)", doing: "waiting")
            claim = try book(1).claim()
        }
        #expect(try claimed(claim).term == 2)
    }

    @Test func behindAPoolerTheEndOfASessionSaysNothing() throws {
        do {
            let gone = try another()
            _ = try claimed(book(2, on: gone).claim())
            try database.run("UPDATE nearline.release_shard SET is_pooled = true WHERE shard = 0")
        }
        _ = try database.connection.execute("SELECT pg_sleep(0.2)", doing: "waiting")
        #expect(try book(1).claim() == .wait)
        try expire(0)
        #expect(try claimed(book(1).claim()).term == 2)
    }

    @Test func theSessionThatHeldAnExpiredLeaseIsEnded() throws {
        let frozen = try another()
        _ = try claimed(book(2, on: frozen).claim())
        try expire(0)
        _ = try claimed(book(1).claim())
        #expect(throws: PostgresError.self) { try frozen.execute("SELECT 1", doing: "going on") }
    }

    @Test func whatIsGivenBackIsOpenAtOnce() throws {
        _ = try claimed(book(1).claim())
        try book(1).giveBack()
        #expect(try claimed(book(2).claim()).term == 2)
    }

    @Test func twoClaimAtOnceAndNeitherHasTheOthers() throws {
        try writer.write(drawn.lists.prefix(10), as: claimed(book(1).claim()))
        let other = try another()
        try database.run("BEGIN")
        let one = try claimed(book(1).claim())
        let two = try claimed(book(2, on: other).claim())
        try database.run("COMMIT")
        #expect(Set([one.number, two.number]) == [1, 2])
    }

    @Test func aReleaseTakenOverIsNoLongerTheOldRuns() throws {
        try database.run(
            """
            INSERT INTO nearline.run (command, worker, backend_pid)
            VALUES ('precompute', gen_random_uuid(), 1), ('train', gen_random_uuid(), 1)
            """)
        let (run, later) = (1, 2)
        func goOn(_ run: Int) throws -> ReleaseWriter {
            try ReleaseWriter(
                continuing: writer.release, userType: .bigint, itemType: .bigint, items: drawn.vocabulary.count,
                run: run,
                takesOver: true, on: database.connection)
        }
        let old = try goOn(run), new = try goOn(later)
        #expect(
            thrown(ReleaseError.self) { try old.writeFallback(drawn.fallback) }
                == .takenOver(release: writer.release))
        #expect(thrown(ReleaseError.self) { try old.finish(drawn.vocabulary) } == .takenOver(release: writer.release))
        #expect(thrown(ReleaseError.self) { try _ = goOn(run) } == .takenOver(release: writer.release))
        try new.writeFallback(drawn.fallback)
    }
}
