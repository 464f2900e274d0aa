import Foundation
import Snapshots
import TestSupport

/// Readers at full speed, some kinds at a time, through phases that take turns.
struct Soak {
    /// How much is to be done.
    struct Plan {
        /// For each turn, over all rounds.
        var publishes: Int
        var rollbacks: Int
        var rounds: Int
        /// The kinds that read at a time.
        var turns: [[ReaderKind]]
        /// Seconds.
        var longTransaction: Double
    }

    private let database: EmptyDatabase
    private let folder: SnapshotFolder
    private let users: Int
    private var publisher: SoakPublisher

    init(database: EmptyDatabase, folder: SnapshotFolder, users: Int) {
        (self.database, self.folder, self.users) = (database, folder, users)
        publisher = SoakPublisher(connection: database.connection, folder: folder, users: users)
    }

    mutating func run(_ plan: Plan) throws -> SoakReport {
        // Two, so that there is one to roll back to.
        for _ in 0..<2 { try publisher.publish() }
        publisher.forgetTimes()
        let long = LongTransaction(users: users, database: database.name, seconds: plan.longTransaction, seed: 1)
        let pruner = SoakPruner(database: database.name, folder: folder)
        var report = SoakReport()
        for round in 1...plan.rounds {
            for kinds in plan.turns {
                let readers = readers(kinds, seed: UInt64(round))
                // The first lookups of every connection fill caches.
                usleep(1_000_000)
                try measure(readers, plan, round, &report)
                for reader in readers { try reader.end() }
            }
            FileHandle.standardError.write(Data("round \(round) of \(plan.rounds)\n".utf8))
        }
        (report.longTransactions, report.longFaults) = try long.end()
        try pruner.end()
        (report.dropped, report.waited) = (pruner.dropped, pruner.waited)
        (report.publications, report.rollbacks) = (publisher.publications, publisher.rollbacks)
        return report
    }

    private func readers(_ kinds: [ReaderKind], seed: UInt64) -> [ReaderLoop] {
        kinds.map { kind in
            ReaderLoop(
                kind, users: users, database: database.name, folder: folder,
                timeline: kind == .snapshot ? publisher.fileTimeline : publisher.timeline, seed: seed)
        }
    }

    /// One turn of each phase; the quiet one is as long as the building one was.
    private mutating func measure(
        _ readers: [ReaderLoop], _ plan: Plan, _ round: Int, _ report: inout SoakReport
    ) throws {
        let publishes = Self.share(of: plan.publishes, round, plan.rounds)
        let rollbacks = Self.share(of: plan.rollbacks, round, plan.rounds)
        try publisher.letPrunerCatchUp()
        let building = try report.measure(.building, readers) {
            for _ in 0..<publishes { try publisher.buildInVain() }
        }
        try publisher.letPrunerCatchUp()
        try report.measure(.publishing, readers) {
            for number in 1...publishes {
                try publisher.publish()
                for _ in 0..<Self.share(of: rollbacks, number, publishes) { try publisher.rollBack() }
            }
        }
        try publisher.letPrunerCatchUp()
        report.measure(.quiet, readers) { usleep(UInt32(building * 1e6)) }
    }

    /// How much of `count` falls on the n-th of `parts`, so that in the end all of it is done.
    private static func share(of count: Int, _ n: Int, _ parts: Int) -> Int {
        count * n / parts - count * (n - 1) / parts
    }
}
