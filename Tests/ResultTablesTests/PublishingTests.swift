import Glibc
import Domain
import Postgres
import ResultTables
import TestSupport
import Testing

@Suite struct PublishingTests {
    private let database: EmptyDatabase

    init() throws { database = try EmptyDatabase.migrated() }

    /// Every list of the n-th release holds the same five items, which no other release lists.
    private static func marked(_ n: Int) -> DrawnRelease {
        let plain = DrawnRelease(count: 8, itemCount: 200)
        let list = (0..<5).map { Candidate(row: UInt32(n * 5 + $0), score: 1 - Float($0) / 8, source: .model) }
        return DrawnRelease(plain, everyList: list)
    }

    @Test func publishingMakesTheReleaseCurrentAndTheOldOneSuperseded() throws {
        let catalogue = ReleaseCatalogue(database.connection)
        let first = try database.connection.publish(DrawnRelease(seed: 1))
        #expect(try catalogue.current()?.release == first)
        let second = try database.connection.build(DrawnRelease(seed: 2))
        #expect(try catalogue.current()?.release == first)
        try ReleaseSwitch(database.connection).publish(second)
        #expect(try catalogue.current()?.release == second)
        #expect(try database.state(of: first) == "superseded" && database.state(of: second) == "current")
        #expect(try catalogue.release(second).publishedAt != nil)
        #expect(try catalogue.newestValidated() == nil)
        #expect(try database.number("SELECT count(*) FROM nearline.current_release") == 1)
    }

    @Test func aReleaseThatWaitsIsFoundByWhatItWasMadeFrom() throws {
        let catalogue = ReleaseCatalogue(database.connection)
        try database.connection.publish(DrawnRelease())
        #expect(try catalogue.validated(settingsHash: "s")?.release == nil)
        _ = try database.connection.writer(DrawnRelease())
        #expect(try catalogue.validated(settingsHash: "s")?.release == nil)
        let waiting = try database.connection.build(DrawnRelease()),
            newer = try database.connection.build(DrawnRelease())
        #expect(try catalogue.validated(settingsHash: "s")?.release == newer)
        #expect(try catalogue.validated(settingsHash: "it's")?.release == nil)
        try ReleaseSwitch(database.connection).publish(newer)
        #expect(try catalogue.validated(settingsHash: "s")?.release == waiting)
    }

    @Test func onlyAValidatedReleaseCanBePublished() throws {
        let catalogue = ReleaseCatalogue(database.connection)
        let current = try database.connection.publish(DrawnRelease())
        let building = try database.connection.writer(DrawnRelease()).release
        for (release, state) in [(current, "current"), (building, "building")] {
            let error = thrown(ReleaseError.self) { try ReleaseSwitch(database.connection).publish(release) }
            #expect(error == .notBuilt(release: release, state: state))
        }
        _ = try ReleasePruner(database.connection).discardUnfinished(reason: "killed")
        #expect(
            thrown(ReleaseError.self) { try ReleaseSwitch(database.connection).publish(building) }
                == .notBuilt(release: building, state: "failed"))
        #expect(
            thrown(ReleaseError.self) { try ReleaseSwitch(database.connection).publish(99) } == .unknown(release: 99))
        #expect(thrown(ReleaseError.self) { _ = try catalogue.release(99) } == .unknown(release: 99))
        #expect(try catalogue.current()?.release == current)
    }

    @Test func aReaderInOneSnapshotSeesTheOldReleaseWholeAfterAPublication() throws {
        let old = DrawnRelease(seed: 1), new = DrawnRelease(seed: 2)
        let first = try database.connection.publish(old)
        let reader = try database.connect()
        let user = Quote.literal(old.lists[20].user.description) + "::bigint"
        func list() throws -> [String] {
            try reader.execute(
                "SELECT item_id || ' ' || score AS it FROM nearline.lookup(\(user)) ORDER BY rank", doing: "looking up"
            ).map { try $0.string("it") }
        }
        func everything() throws -> [String] {
            try reader.execute(
                "SELECT user_id || ' ' || rank || ' ' || item_id AS it FROM nearline.candidates ORDER BY user_id, rank",
                doing: "reading all"
            ).map { try $0.string("it") }
        }
        let (before, allBefore) = try reader.transaction(.readOnlySnapshot, doing: "reading twice") {
            let before = try list(), all = try everything()
            try database.connection.publish(new)
            #expect(try list() == before)
            #expect(try everything() == all)
            #expect(try ReleaseCatalogue(reader).current()?.release == first)
            return (before, all)
        }
        #expect(before.count == old.lists[20].list.count)
        #expect(try list() != before)
        #expect(try everything() != allBefore)
    }

    @Test func readersNeverSeeAnErrorAnEmptyOrAMixedListWhileReleasesArePublished() throws {
        try database.connection.publish(Self.marked(0))
        try database.connection.publish(Self.marked(0))
        let isOver = Flag(), name = database.name, published = 20
        let outcomes = inThreads(4) { thread in
            let connection = try Connection("dbname=\(name)", applicationName: "nearline-tests")
            if thread == 0 {
                defer { isOver.raise() }
                for n in 1...published { try connection.publish(PublishingTests.marked(n)) }
                return [published]
            }
            var releases: [Int] = []
            while !isOver.isRaised {
                let items = try PublishingTests.read(thread, on: connection)
                guard items.count == 5, Set(items.map { (Int.max - $0) / 5 }).count == 1 else {
                    throw Unexpected(items: items)
                }
                releases.append((Int.max - items[0]) / 5)
            }
            return releases
        }
        let seen = try outcomes.map { try $0.get() }.dropFirst()
        for releases in seen { #expect(releases == releases.sorted(), "no reader goes back to an older release") }
        #expect(Set(seen.joined()).count > published / 2, "readers and publications overlapped")
    }

    private struct Unexpected: Error { var items: [Int] }

    /// One user's items, in one of three ways.
    private static func read(_ way: Int, on connection: Connection) throws -> [Int] {
        let user = key(.bigint, 0).description
        switch way {
        case 1: return try CandidateLookup(connection).list(of: user).items.map { Int($0.item)! }
        case 2:
            return try connection.execute(
                "SELECT item_id FROM nearline.lookup($1) ORDER BY rank", [.text(user)], doing: "looking up"
            ).map { try $0.int("item_id") }
        default:
            return try connection.execute(
                "SELECT item_id FROM nearline.candidates WHERE user_id = $1 ORDER BY rank", [.text(user)],
                doing: "looking up"
            ).map { try $0.int("item_id") }
        }
    }

    /// Its plan was made before the new release was attached, and PostgreSQL keeps it as long as the tables stay locked.
    @Test func aTransactionWithAPreparedLookupNeverFindsItsListGone() throws {
        try database.connection.publish(Self.marked(0))
        let name = database.name, isPlanned = Flag()
        let outcomes = inThreads(2) { thread in
            let connection = try Connection("dbname=\(name)", applicationName: "nearline-tests")
            if thread == 0 {
                try PublishingTests.waitUntil("a plan", isPlanned)
                try connection.publish(PublishingTests.marked(1))
                return [5]
            }
            let user = key(.bigint, 0).description
            try connection.execute(
                "PREPARE one(bigint) AS SELECT count(*) AS n FROM nearline.lookup($1)", doing: "preparing")
            return try connection.transaction(doing: "reading for a while") {
                try (0..<60).map { round in
                    if round == 10 { isPlanned.raise() }
                    usleep(10_000)
                    return try connection.execute("EXECUTE one(\(user))", doing: "looking up")[0].int("n")
                }
            }
        }
        let counts = try outcomes.map { try $0.get() }
        #expect(Set(counts.joined()) == [5])
        #expect(try ReleaseCatalogue(database.connection).current()?.release == 2)
    }

    private static func waitUntil(_ what: String, _ flag: Flag) throws {
        for _ in 0..<2000 where !flag.isRaised { usleep(2000) }
        try #require(flag.isRaised, "no sign of \(what)")
    }

    @Test(arguments: 0..<3)
    func ofTwoPublicationsAtOnceBothSucceedAndOneIsCurrent(_ round: Int) throws {
        try database.connection.publish(DrawnRelease())
        let releases = try [database.connection.build(DrawnRelease()), database.connection.build(DrawnRelease())]
        let name = database.name, isBlocked = Flag()
        let outcomes = inThreads(3) { thread in
            let connection = try Connection("dbname=\(name)", applicationName: "nearline-tests")
            guard thread == 2 else {
                _ = isBlocked.waits()
                _ = try ReleaseSwitch(connection).publish(releases[thread])
                return
            }
            // Both have to wait for this one, so that they do meet.
            try connection.transaction(doing: "blocking") {
                try connection.execute(
                    "SELECT FROM nearline.release WHERE state = 'current' FOR UPDATE", doing: "blocking")
                isBlocked.raise()
                try PublishingTests.waitForLockWaiters(2, watchedBy: connection)
            }
        }
        for outcome in outcomes { #expect(throws: Never.self) { try outcome.get() } }
        #expect(try releases.map { try database.state(of: $0) }.sorted() == ["current", "superseded"])
        let current = try #require(try ReleaseCatalogue(database.connection).current()?.release)
        #expect(try releases.contains(current) && database.state(of: current) == "current")
    }

    /// Looks again and again, ten seconds at most.
    private static func waitForLockWaiters(_ count: Int, watchedBy connection: Connection) throws {
        for _ in 0..<1000 {
            let waiting = try connection.execute(
                """
                SELECT count(*) AS n, pg_stat_clear_snapshot(), pg_sleep(0.01) FROM pg_stat_activity
                WHERE datname = current_database() AND wait_event_type = 'Lock'
                """, doing: "watching")[0].int("n")
            if waiting >= count { return }
        }
    }
}
