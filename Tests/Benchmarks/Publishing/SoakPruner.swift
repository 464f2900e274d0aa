import Foundation
import Postgres
import ResultTables
import Snapshots

/// Prunes all the while on a connection of its own, with little patience: tables that a long transaction may read wait.
final class SoakPruner: @unchecked Sendable {
    private let isOver = Flag()
    private(set) var dropped = 0
    private(set) var waited = 0
    private var worker: Worker!

    init(database: String, folder: SnapshotFolder) {
        worker = Worker { [self] in
            let connection = try Connection("dbname=\(database)", applicationName: "publish-figures")
            while !isOver.isRaised {
                try prune(connection, folder)
                usleep(200_000)
            }
        }
    }

    private func prune(_ connection: Connection, _ folder: SnapshotFolder) throws {
        let pruner = ReleasePruner(connection)
        _ = try pruner.mark(keep: 4, minAge: "1 second", reason: "soak")
        let swept = try pruner.sweep(waitMilliseconds: 300)
        dropped += swept.dropped.count
        waited += swept.waiting.count
        let gone = try connection.execute(
            "SELECT release FROM nearline.release WHERE pruned_at IS NOT NULL", doing: "looking for pruned releases"
        ).map { try $0.int("release") }
        let served = try folder.current()
        for release in Set(gone).intersection(try folder.list()) where release != served {
            try folder.remove(release)
        }
    }

    func end() throws {
        isOver.raise()
        try worker.join()
    }
}
