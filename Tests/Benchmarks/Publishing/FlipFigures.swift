import Domain
import Postgres
import ResultTables
import TestSupport

/// How long the pointer takes to move: in a quiet database, and back while another connection loads a release.
struct FlipFigures {
    let database: EmptyDatabase
    let releases: [Int]
    let load: ReleaseLoad
    let flips: Int

    func run() throws {
        let pointer = ReleaseSwitch(database.connection)
        try pointer.publish(releases[0])
        let quiet = try (0..<flips).map { flip in
            try seconds { try pointer.publish(releases[(flip + 1) % 2], isForced: true) }
        }
        report("publish, nothing else at work", quiet)
        try measureBesideABuild(pointer)
    }

    /// Another connection writes shards all the while, and never finishes its release.
    private func measureBesideABuild(_ pointer: ReleaseSwitch) throws {
        let name = database.name, load = load, isOver = Flag(), isAtWork = Flag()
        let builder = Worker {
            let connection = try Connection("dbname=\(name)", applicationName: "publish-figures")
            let writer = try connection.writer(listLength: load.drawn.lists[0].count, items: load.vocabulary.count)
            var first = 0
            while !isOver.isRaised {
                try writer.write(load.shard(first..<first + ReleaseLoad.usersPerShard))
                first += ReleaseLoad.usersPerShard
                isAtWork.raise()
            }
        }
        isAtWork.waits(unless: builder)
        let catalogue = ReleaseCatalogue(database.connection)
        var publications: [Double] = [], rollbacks: [Double] = []
        for _ in 0..<max(flips / 10, 1) {
            let current = try catalogue.current()!.release, other = releases.first { $0 != current }!
            publications.append(try seconds { try pointer.publish(other, isForced: true) })
            rollbacks.append(try seconds { try pointer.rollBack(from: other, to: current, reason: "figures") })
        }
        isOver.raise()
        try builder.join()
        report("publish beside a build", publications)
        report("rollback beside a build", rollbacks)
    }

    private func report(_ name: String, _ times: [Double]) {
        print(
            "\(name): \(times.count) times, median \((times.median * 1e3).text(2)) ms,",
            "max \((times.max()! * 1e3).text(2)) ms")
    }
}
