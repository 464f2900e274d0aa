import Postgres
import ResultTables
import TestSupport
import Testing

@Suite struct ReleaseSwitchTests {
    private let database: EmptyDatabase

    init() throws { database = try EmptyDatabase.migrated() }

    private var catalogue: ReleaseCatalogue { ReleaseCatalogue(database.connection) }
    private var pointer: ReleaseSwitch { ReleaseSwitch(database.connection) }

    private func published(_ count: Int) throws {
        for seed in 1...count { try database.connection.publish(DrawnRelease(seed: UInt64(seed))) }
    }

    @Test func aRollbackServesTheReleaseBeforeAndBarsTheOneThatItLeaves() throws {
        try published(3)
        #expect(try catalogue.lastGood()?.release == 2)
        try pointer.rollBack(from: 3, to: 2, reason: "bad lists")
        #expect(try catalogue.current()?.release == 2)
        #expect(try [1, 2, 3].map { try database.state(of: $0) } == ["superseded", "current", "rolled_back"])
        #expect(try catalogue.reason(of: catalogue.release(3)) == "bad lists")
        #expect(try catalogue.lastGood()?.release == 1, "never the one that was taken back")
        try pointer.rollBack(from: 2, to: 1, reason: nil)
        #expect(try catalogue.lastGood() == nil)
        #expect(try catalogue.rolledBack(settingsHash: "s")?.release == 3)
    }

    @Test func aNewReleaseIsPublishedAfterARollback() throws {
        try published(2)
        try pointer.rollBack(from: 2, to: 1, reason: "bad")
        let next = try database.connection.publish(DrawnRelease(seed: 9))
        #expect(try catalogue.current()?.release == next)
        #expect(try catalogue.lastGood()?.release == 1)
    }

    @Test func onlyASupersededReleaseThatIsThereCanBeRolledBackTo() throws {
        try published(3)
        let waiting = try database.connection.build(DrawnRelease())
        #expect(
            thrown(ReleaseError.self) { try pointer.rollBack(from: 3, to: waiting, reason: nil) }
                == .notServedBefore(release: waiting, state: "validated"))
        #expect(
            thrown(ReleaseError.self) { try pointer.rollBack(from: 3, to: 99, reason: nil) } == .unknown(release: 99))
        #expect(
            thrown(ReleaseError.self) { try pointer.rollBack(from: 2, to: 1, reason: nil) }
                == .supersededMeanwhile(release: 2, by: 3))
        try database.run("UPDATE nearline.release SET pruned_at = now() WHERE release = 1")
        #expect(thrown(ReleaseError.self) { try pointer.rollBack(from: 3, to: 1, reason: nil) } == .pruned(release: 1))
        #expect(try catalogue.current()?.release == 3)
    }

    @Test func aReleaseThatWasTakenBackIsPublishedOnlyByForceAndThatIsRecorded() throws {
        try published(2)
        try pointer.rollBack(from: 2, to: 1, reason: "bad")
        #expect(
            thrown(ReleaseError.self) { try pointer.publish(2) } == .notBuilt(release: 2, state: "rolled_back"))
        try pointer.publish(2, reason: "it was good after all", isForced: true)
        #expect(try catalogue.current()?.release == 2)
        #expect(try catalogue.reason(of: catalogue.release(2)) == "it was good after all")
    }

    @Test func everyChangeOfStateIsInTheBookWithRoleAndReason() throws {
        try published(2)
        try pointer.rollBack(from: 2, to: 1, reason: "too few users")
        let book = try database.texts(
            """
            SELECT format('%s: %s -> %s (%s) %s', release, was, becomes, reason, application) AS it
            FROM nearline.release_event ORDER BY event
            """)
        #expect(
            book == [
                "1:  -> building () nearline-tests", "1: building -> validated () nearline-tests",
                "1: validated -> current () nearline-tests", "2:  -> building () nearline-tests",
                "2: building -> validated () nearline-tests", "1: current -> superseded () nearline-tests",
                "2: validated -> current () nearline-tests", "2: current -> rolled_back (too few users) nearline-tests",
                "1: superseded -> current (too few users) nearline-tests",
            ])
        #expect(
            try database.number("SELECT count(*) FROM nearline.release_event WHERE role = current_user") == book.count)
    }

    @Test(arguments: [
        ("current", "failed"), ("current", "building"), ("current", "validated"), ("superseded", "rolled_back"),
        ("superseded", "failed"), ("superseded", "validated"),
    ])
    func aStateThatCannotFollowIsRefusedEvenByHand(_ from: String, _ to: String) throws {
        try published(2)
        let error = thrown(PostgresError.self) {
            try database.run("UPDATE nearline.release SET state = '\(to)', reason = 'x' WHERE state = '\(from)'")
        }
        #expect(error?.sqlState == "23514")
    }

    @Test func aTrialShowsTheNewReleaseToItselfAndToNobodyElse() throws {
        try published(1)
        let waiting = try database.connection.build(DrawnRelease(seed: 2))
        let other = try database.connect()
        var seen: [Int] = []
        try pointer.trying(waiting) {
            seen = try [database.connection, other].map { try ReleaseCatalogue($0).current()!.release }
        }
        #expect(seen == [waiting, 1])
        #expect(try catalogue.current()?.release == 1)
        struct Unfit: Error {}
        #expect(throws: Unfit.self) { try pointer.trying(waiting) { throw Unfit() } }
        #expect(try catalogue.current()?.release == 1)
    }

    @Test func rollingBackWorksWhileAReleaseIsBeingBuilt() throws {
        try published(2)
        let builder = try database.connect()
        let drawn = DrawnRelease(seed: 3)
        let writer = try builder.writer(drawn)
        try writer.write(drawn.lists)
        try pointer.rollBack(from: 2, to: 1, reason: nil)
        try writer.writeFallback(drawn.fallback)
        try writer.finish(drawn.vocabulary)
        try ReleaseSwitch(builder).publish(writer.release)
        #expect(try catalogue.current()?.release == writer.release)
    }

    /// What made a release unservable by chance: two rollbacks that both start from the same morning.
    @Test func ofTwoRollbacksAtOnceOneIsDoneAndTheOtherSaysSo() throws {
        try published(3)
        let name = database.name
        let outcomes = inThreads(2) { _ in
            let connection = try Connection("dbname=\(name)", applicationName: "nearline-tests")
            return thrown(ReleaseError.self) {
                try ReleaseSwitch(connection).rollBack(from: 3, to: 2, reason: nil)
            }
        }
        let errors = try outcomes.map { try $0.get() }
        #expect(errors.filter { $0 == nil }.count == 1)
        #expect(errors.contains(.supersededMeanwhile(release: 3, by: 2)))
        #expect(try catalogue.current()?.release == 2)
    }
}
