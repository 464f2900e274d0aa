import Domain
import Glibc
import Postgres
import ResultTables
import Snapshots

/// The writing side: builds releases with their snapshot files, and, where it is told to, publishes and rolls back.
struct SoakPublisher {
    let connection: Connection
    let folder: SnapshotFolder
    let timeline: Timeline
    let fileTimeline: Timeline
    let made: MarkedRelease
    private(set) var publications: [Double] = []
    private(set) var rollbacks: [Double] = []

    init(connection: Connection, folder: SnapshotFolder, users: Int) {
        self.connection = connection
        self.folder = folder
        (timeline, fileTimeline, made) = (Timeline(), Timeline(), MarkedRelease(users: users))
    }

    /// Tables that may be attached when another one comes: releases follow each other faster than transactions end that
    /// may still read the old ones.
    private static let mostAttached = 10

    func build() throws -> Int {
        try letPrunerCatchUp(to: Self.mostAttached)
        let release = try made.build(on: connection)
        _ = try SnapshotExport(connection).write(release, into: folder) { _ in }
        return release
    }

    mutating func publish() throws {
        let release = try build()
        try timeline.moving(to: release) {
            publications.append(try seconds { try ReleaseSwitch(connection).publish(release) })
        }
        try fileTimeline.moving(to: release) { try folder.follow(release) }
    }

    mutating func rollBack() throws {
        let catalogue = ReleaseCatalogue(connection)
        guard let current = try catalogue.current()?.release, let last = try catalogue.lastGood()?.release else {
            return
        }
        try timeline.moving(to: last) {
            rollbacks.append(
                try seconds { try ReleaseSwitch(connection).rollBack(from: current, to: last, reason: "soak") })
        }
        try fileTimeline.moving(to: last) { try folder.follow(last) }
    }

    /// So that the first ones, which fill caches, do not count.
    mutating func forgetTimes() { (publications, rollbacks) = ([], []) }

    /// Builds a release and gives it up: all the work of a publication but the move.
    func buildInVain() throws {
        let release = try build()
        try connection.execute(
            "UPDATE nearline.release SET pruned_at = now() WHERE release = \(release)", doing: "giving up a release")
    }

    /// Waits until the pruner has caught up, a minute at most: a planner opens every table that is attached, so that
    /// phases compare only where they begin with as many, and readers meet no more of them than in a service.
    func letPrunerCatchUp(to most: Int = 6) throws {
        for _ in 0..<600 {
            let attached = try connection.execute(
                // The table of all releases is made with the first one.
                "SELECT count(*) AS n FROM pg_inherits WHERE inhparent = to_regclass('nearline.candidate')",
                doing: "counting tables")[0].int("n")
            if attached <= most { return }
            usleep(100_000)
        }
    }
}
