import Domain
import Testing
import Transitions

@Suite struct TransitionTallyTests {
    private func counts(
        _ clusters: [Int32], times: [Int64]? = nil, settings: TransitionSettings = TransitionSettings(),
        asOf: Int64 = DrawnUsers.asOf
    ) throws -> [Counted: Int] {
        var drawn = DrawnUsers(seed: 0, users: 0, clusters: 10, days: 1)
        drawn.users = [(clusters, times ?? clusters.map { _ in asOf })]
        return try drawn.tally(settings, clusters: 10, asOf: asOf).all()
    }

    private func counted(_ key: [Int32], _ next: Int32) -> Counted { Counted(key: TransitionKey(key), next: next) }

    @Test func neighboursThatAreEqualAreOneStepAtTheTimeOfTheFirst() throws {
        let day = DrawnUsers.day, now = DrawnUsers.asOf
        let found = try counts(
            [1, 1, 2, 2, 2], times: [now - 9 * day, now - 8 * day, now - 5 * day, now - day, now],
            settings: TransitionSettings(windowDays: 5))
        #expect(found.isEmpty)
        let one = try counts(
            [1, 1, 2, 2, 2], times: [now - 9 * day, now - 8 * day, now - 5 * day, now - day, now],
            settings: TransitionSettings(windowDays: 6))
        #expect(one == [counted([], 2): 1, counted([1], 2): 1])
    }

    @Test func aUserOfOneClusterOrNoneSaysNothing() throws {
        #expect(try counts([]).isEmpty)
        #expect(try counts([3, 3, -1, 3]).isEmpty)
    }

    @Test func whatComesNextIsNovelToItsKey() throws {
        // a b a: for the pair the next one is not new, for the latest alone it is.
        #expect(
            try counts([1, 2, 1]) == [
                counted([], 2): 1, counted([], 1): 1, counted([1], 2): 1, counted([2], 1): 1,
            ])
    }

    @Test func aKeyOfThreeNeedsThreeDistinctClusters() throws {
        let found = try counts([1, 2, 1, 3, 4], settings: TransitionSettings(keyLength: 3))
        #expect(found[counted([1, 2, 1], 3)] == nil)
        #expect(found[counted([2, 1, 3], 4)] == 1)
        #expect(found[counted([2, 1], 3)] == 1)
    }

    @Test func anOccurrenceAfterTheInstantDoesNotCountButOneAtItDoes() throws {
        let now = DrawnUsers.asOf
        #expect(try counts([1, 2, 3], times: [now - 1, now, now + 1]).keys.contains(counted([1], 2)))
        #expect(try counts([1, 2, 3], times: [now - 1, now, now + 1]).keys.allSatisfy { $0.next != 3 })
    }

    @Test(arguments: 0..<12 as Range<UInt64>)
    func countsAreThoseOfTheDefinitionForSeed(_ seed: UInt64) throws {
        let settings = TransitionSettings(
            keyLength: Int(seed % 3) + 1, windowDays: [0, 1, 40][Int(seed / 3 % 3)],
            halfLifeDays: [0, 20][Int(seed % 2)])
        let drawn = DrawnUsers(seed: seed, users: 400, clusters: [3, 8, 40, 90][Int(seed % 4)], days: 100)
        let expected = drawn.expected(settings)
        #expect(try drawn.tally(settings, clusters: 90).all() == expected)
        #expect(!expected.isEmpty)
    }

    @Test(arguments: [1, 2, 5])
    func memoryAndThreadsChangeNothing(_ threads: Int) throws {
        let drawn = DrawnUsers(seed: 5, users: 12_000, clusters: 200, days: 300)
        let settings = TransitionSettings(halfLifeDays: 30)
        let roomy = try drawn.tally(settings, clusters: 200, memoryBytes: 64 << 20)
        let tight = try drawn.tally(settings, clusters: 200, threads: threads, memoryBytes: 1)
        #expect(!roomy.isOnDisk && tight.isOnDisk)
        let (a, b) = (try roomy.build(), try tight.build())
        let isSame = a.table.rows == b.table.rows
        #expect(isSame)
        #expect(a.churn.overlaps == b.churn.overlaps)
        let isExpected = try tight.all() == drawn.expected(settings)
        #expect(isExpected)
        let parallel = try drawn.tally(settings, clusters: 200, threads: threads, memoryBytes: 64 << 20)
        let isSameInParallel = try parallel.build().table.rows == a.table.rows
        #expect(isSameInParallel)
    }

    @Test func theOrderOfUsersChangesNothing() throws {
        var drawn = DrawnUsers(seed: 6, users: 2000, clusters: 30, days: 300)
        let first = try drawn.tally(TransitionSettings(), clusters: 30).build().table.rows
        drawn.users.reverse()
        #expect(try drawn.tally(TransitionSettings(), clusters: 30).build().table.rows == first)
    }

    @Test func moreClustersThanTheCodeHoldsAreRefusedWithTheNumberThatItDoes() {
        let error = #expect(throws: TransitionError.self) {
            try TransitionTally(
                clusters: 60_000, asOf: 0, settings: TransitionSettings(keyLength: 3, halfLifeDays: 90))
        }
        #expect(error?.description.contains("60000 clusters are too many for keys of 3; use 8191 at most") == true)
        #expect(throws: Never.self) {
            try TransitionTally(clusters: 65_535, asOf: 0, settings: TransitionSettings(keyLength: 2))
        }
    }

    @Test(arguments: [
        (TransitionSettings(keyLength: 4), "key length is 4; choose one from 1 to 3"),
        (TransitionSettings(windowDays: -1), "window in days is -1"),
        (TransitionSettings(successors: 0), "successors per key is 0"),
        (TransitionSettings(lags: [7, 1]), "lags 7, 1 do not rise"),
        (TransitionSettings(lags: [0]), "lag in days is 0"),
    ])
    func settingsThatCannotBeCountedAreRefused(_ settings: TransitionSettings, _ text: String) {
        let error = #expect(throws: TransitionError.self) { try settings.check() }
        #expect(error?.description.contains(text) == true)
    }

    @Test func aFolderThatIsNotThereIsNamed() throws {
        let drawn = DrawnUsers(seed: 5, users: 3000, clusters: 200, days: 300)
        let tally = try TransitionTally(
            clusters: 200, asOf: DrawnUsers.asOf, settings: TransitionSettings(),
            space: CountingSpace(memoryBytes: 1, folder: "/nowhere/at/all"))
        let error = #expect(throws: TemporaryFileError.self) {
            for user in drawn.users { try tally.add(clusters: user.clusters, times: user.times) }
        }
        #expect(error?.description.contains("/nowhere/at/all cannot hold temporary files") == true)
        #expect(TemporaryFileError(28, folder: "/x").description.contains("/x has no room"))
    }
}

@Suite struct TransitionKeyTests {
    @Test func keysAreThoseOfTheReleasedTablesWhereBothExist() {
        for (older, latest) in [(nil, nil), (nil, 0), (0, 1), (3, 7), (65_533, 65_534)] as [(Int32?, Int32?)] {
            let key = TransitionKey([older, latest].compactMap(\.self))
            #expect(key.rawValue == Int64((older ?? -1) + 1) << 32 | Int64((latest ?? -1) + 1))
        }
    }

    @Test func fourLanesHoldThreeClustersAndTheScene() {
        let key = TransitionKey([65_534, 2, 1], scene: 5)
        let lanes: UInt64 = 65_535 << 48 | 3 << 32 | 6 << 16 | 2
        #expect(UInt64(bitPattern: key.rawValue) == lanes)
        #expect(key.clusters == [65_534, 2, 1] && key.scene == 5 && key.length == 3)
        #expect(TransitionKey([Int32]()) == .everybody && TransitionKey.everybody.clusters.isEmpty)
    }
}
