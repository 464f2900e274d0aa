import Postgres
import ResultTables
import TestSupport
import Testing

@Suite struct ReleasePrunerTests {
    private let database: EmptyDatabase

    init() throws { database = try EmptyDatabase.migrated() }

    private var pruner: ReleasePruner { ReleasePruner(database.connection) }

    private func published(_ count: Int) throws {
        for seed in 1...count { try database.connection.publish(DrawnRelease(seed: UInt64(seed))) }
    }

    private func numbersWithTables() throws -> [String] {
        try database.texts(
            """
            SELECT DISTINCT substring(relname FROM '_r([0-9]+)$') AS it FROM pg_class
            WHERE relkind = 'r' AND relname ~ '_r[0-9]+$' ORDER BY 1
            """)
    }

    private func prune(keep: Int, minAge: String = "0", now: String? = nil) throws -> [Int] {
        let marked = try pruner.mark(keep: keep, minAge: minAge, now: now, reason: "a test")
        #expect(try pruner.sweep(waitMilliseconds: 2000).waiting.isEmpty)
        return marked
    }

    @Test func theNewestServedReleasesStayAndTheOthersGoWithAllTheirTables() throws {
        try published(5)
        #expect(try prune(keep: 3) == [1, 2])
        #expect(try numbersWithTables() == ["3", "4", "5"])
        #expect(try database.number("SELECT count(*) FROM nearline.fallback") == 3)
        #expect(try database.number("SELECT count(DISTINCT release) FROM nearline.release_shard") == 3)
        #expect(try ReleaseCatalogue(database.connection).all(pruned: false).map(\.release) == [5, 4, 3])
        #expect(try ReleaseCatalogue(database.connection).all(pruned: true).count == 5)
        #expect(try prune(keep: 3).isEmpty)
    }

    @Test func theCurrentReleaseAndTheOneToRollBackToStayWhateverIsAsked() throws {
        try published(4)
        try ReleaseSwitch(database.connection).rollBack(from: 4, to: 3, reason: nil)
        // 3 is served, 2 is what a rollback goes to, 4 was taken back.
        #expect(try prune(keep: 0) == [1, 4])
        #expect(try numbersWithTables() == ["2", "3"])
        try ReleaseSwitch(database.connection).rollBack(from: 3, to: 2, reason: nil)
        #expect(try prune(keep: 1) == [3])
    }

    @Test func aPinnedReleaseStaysUntilItIsUnpinned() throws {
        try published(4)
        try database.run("UPDATE nearline.release SET pin_reason = 'the audit' WHERE release = 1")
        #expect(try prune(keep: 2) == [2])
        let error = thrown(PostgresError.self) {
            try database.run("UPDATE nearline.release SET pruned_at = now() WHERE release = 1")
        }
        #expect(error?.sqlState == "23514")
        try database.run("UPDATE nearline.release SET pin_reason = NULL WHERE release = 1")
        #expect(try prune(keep: 2) == [1])
        #expect(
            try database.texts("SELECT becomes AS it FROM nearline.release_event WHERE release = 1 ORDER BY event")
                .suffix(3)
                == ["pinned", "unpinned", "pruned"])
    }

    @Test func onlyWhatWasLeftLongEnoughAgoGoes() throws {
        try published(4)
        #expect(try pruner.doomed(keep: 2, minAge: "1 day").isEmpty)
        let tomorrow = try database.texts("SELECT (now() + '25 hours')::text AS it")[0]
        #expect(try pruner.doomed(keep: 2, minAge: "1 day", now: tomorrow) == [1, 2])
        let notYet = try database.texts("SELECT (now() + '23 hours')::text AS it")[0]
        #expect(try pruner.doomed(keep: 2, minAge: "1 day", now: notYet).isEmpty)
    }

    @Test func aReleaseThatWaitsStaysAndOneThatWasOvertakenGoes() throws {
        try published(1)
        let overtaken = try database.connection.build(DrawnRelease())
        try published(1)
        let waiting = try database.connection.build(DrawnRelease())
        #expect(try prune(keep: 5) == [overtaken])
        #expect(try database.state(of: waiting) == "validated")
    }

    @Test func tablesThatNoReleaseOwnsGo() throws {
        try published(2)
        try database.run(
            """
            CREATE TABLE nearline.candidate_r77 (LIKE nearline.candidate);
            CREATE TABLE nearline.release_item_r78 PARTITION OF nearline.release_item FOR VALUES IN (78);
            CREATE TABLE nearline.candidate_read (LIKE nearline.candidate)
            """)
        let swept = try pruner.sweep(waitMilliseconds: 2000)
        #expect(swept.dropped == ["nearline.candidate_r77", "nearline.release_item_r78"])
        #expect(try numbersWithTables() == ["1", "2"])
        #expect(try database.number("SELECT count(*) FROM pg_class WHERE relname = 'candidate_read'") == 1)
    }

    /// A transaction that has read the release may do so again; nobody who comes later waits.
    @Test func aReaderWithAnOldSnapshotIsWaitedForAndHoldsUpNobody() throws {
        try published(4)
        let reader = try database.connect(), other = try database.connect()
        try reader.transaction(.readOnlySnapshot, doing: "reading for long") {
            let all = "SELECT count(*) AS n FROM nearline.candidate"
            let before = try reader.execute(all, doing: "counting")[0].int("n")
            #expect(try pruner.mark(keep: 2, minAge: "0", reason: nil) == [1, 2])
            let swept = try pruner.sweep(waitMilliseconds: 50)
            #expect(swept.waiting == ["nearline.candidate_r1", "nearline.candidate_r2"] && swept.dropped.count == 6)
            #expect(try reader.execute(all, doing: "counting again")[0].int("n") == before)
            try other.execute("SET lock_timeout = '100ms'", doing: "limiting the wait")
            #expect(try CandidateLookup(other).list(of: "\(Int64.max)").isOwn)
            #expect(try other.execute(all, doing: "counting")[0].int("n") > 0)
        }
        #expect(
            try pruner.sweep(waitMilliseconds: 2000).dropped == ["nearline.candidate_r1", "nearline.candidate_r2"])
        #expect(try numbersWithTables() == ["3", "4"])
    }

    /// Killed between the two halves of a DETACH CONCURRENTLY: the next prune finishes what is half detached first.
    @Test func whatAKilledPruneLeftHalfDetachedIsFinished() throws {
        try published(4)
        let reader = try database.connect(), victim = try database.connect()
        _ = try pruner.mark(keep: 2, minAge: "0", reason: nil)
        try reader.transaction(.readOnlySnapshot, doing: "reading for long") {
            _ = try reader.execute("SELECT count(*) FROM nearline.transition", doing: "counting")
            try victim.execute("SET lock_timeout = '50ms'", doing: "limiting the wait")
            #expect(throws: PostgresError.self) {
                try victim.execute(
                    "ALTER TABLE nearline.transition DETACH PARTITION nearline.transition_r2 CONCURRENTLY",
                    doing: "detaching in half")
            }
        }
        #expect(try database.number("SELECT count(*) FROM pg_inherits WHERE inhdetachpending") == 1)
        let swept = try pruner.sweep(waitMilliseconds: 2000)
        #expect(swept.dropped.first == "nearline.transition_r2" && swept.dropped.count == 8)
        #expect(try numbersWithTables() == ["3", "4"])
    }
}
