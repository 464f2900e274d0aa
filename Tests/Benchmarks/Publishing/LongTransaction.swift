import Domain
import Foundation
import Postgres

/// A transaction that holds one snapshot for seconds, as an analyst's does, and reads in it now and then: it has to see
/// the release of its beginning, whole, whatever is published and pruned meanwhile.
final class LongTransaction: @unchecked Sendable {
    private let isOver = Flag()
    private let lock = NSLock()
    private var faults: [String] = []
    private var count = 0
    private var worker: Worker!

    init(users: Int, database: String, seconds: Double, seed: UInt64) {
        worker = Worker { [self] in
            let connection = try Connection("dbname=\(database)", applicationName: "publish-figures")
            var draw = SeededGenerator(seed: seed, stream: 0x1096)
            while !isOver.isRaised {
                do {
                    try hold(connection, seconds, users, &draw)
                    // Tables that are to go need a moment in which nobody reads them.
                    usleep(500_000)
                } catch {
                    lock.withLock { faults.append("long transaction: \(error)") }
                    _ = try connection.reconnectIfLost()
                }
            }
        }
    }

    private func hold(
        _ connection: Connection, _ length: Double, _ users: Int, _ draw: inout SeededGenerator
    ) throws {
        let end = Timeline.now + UInt64(length * (0.5 + draw.uniform()) * 1e9)
        try connection.transaction(.readOnlySnapshot, doing: "reading for long") {
            var seen: Int?
            while Timeline.now < end, !isOver.isRaised {
                let user = draw.below(users)
                let items = try connection.execute(
                    "SELECT item_id FROM nearline.lookup(\(user)) ORDER BY rank", doing: "looking up"
                ).map { Int64(try $0.int("item_id")) }
                let (release, fault) = MarkedRelease.read(items: items, user: user)
                if let fault = fault ?? (seen ?? release == release ? nil : "\(seen!), then \(release)") {
                    lock.withLock { faults.append("long transaction: \(fault)") }
                }
                seen = release
                usleep(100_000)
            }
        }
        lock.withLock { count += 1 }
    }

    /// Ends it, and says how many there were and what went wrong.
    func end() throws -> (count: Int, faults: [String]) {
        isOver.raise()
        try worker.join()
        return (count, faults)
    }
}
