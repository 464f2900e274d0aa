import Foundation
import Ledger
import Logging
import Postgres
import ResultTables
import Synchronization

/// Signs of life of one process, on a thread and a session of its own: it has the leases of the run and of its shards run
/// on, and writes down how far the run is.
final class Heartbeat: Sendable {
    private struct State {
        var progress = RunProgress()
        var release: Int?
        var shards: [ClaimedShard] = []
        var isLost = false
        var isOver = false
    }

    /// A third of a lease, and so two may be lost on the way.
    private static let seconds = 15.0

    private let run: Int
    private let renewsRun: Bool
    private let state = Mutex(State())
    private let wake = DispatchSemaphore(value: 0)
    private let ended = DispatchSemaphore(value: 0)

    /// - Parameter renewsRun: false for a worker that has joined the run of another process.
    init(run: Int, renewsRun: Bool = true, _ context: RunContext) throws {
        self.run = run
        self.renewsRun = renewsRun
        nonisolated(unsafe) let connection = try context.connect("heartbeat")
        let log = context.log
        let thread = Thread { [self] in
            while !state.withLock({ $0.isOver }) {
                do {
                    _ = try connection.reconnectIfLost()
                    try beat(connection)
                } catch {
                    // The lease goes on for a while; the run itself meets the same server, and says what is wrong.
                    log.warning("no sign of life could be given", metadata: ["reason": "\(error)"])
                }
                _ = wake.wait(timeout: .now() + Self.seconds)
            }
            ended.signal()
        }
        thread.name = "heartbeat"
        thread.start()
    }

    private func beat(_ connection: Connection) throws {
        let now = state.withLock { $0 }
        if renewsRun, try !RunLedger.renew(run, now.progress, on: connection) {
            state.withLock { $0.isLost = true }
        }
        if let release = now.release {
            // Where one is lost, what is stored under it is refused: nothing is to be done here.
            for shard in now.shards { _ = try ShardBook.renew(shard, of: release, on: connection) }
        }
    }

    /// - Parameter atOnce: not with the next beat only.
    func note(_ progress: RunProgress, atOnce: Bool = false) {
        state.withLock { $0.progress = progress }
        if atOnce { wake.signal() }
    }

    /// From now on the leases of these shards are renewed too, and of no others.
    func hold(_ shards: [ClaimedShard], of release: Int) {
        state.withLock {
            $0.shards = shards
            $0.release = release
        }
    }

    /// Throws where the run was lost: the process was frozen, or cut off, for longer than its lease.
    func check() throws {
        if state.withLock({ $0.isLost }) { throw LedgerError.lost(run: run) }
    }

    /// The run was lost, and is ours again.
    func regained() { state.withLock { $0.isLost = false } }

    /// Returns when the last beat is over.
    func end() {
        state.withLock { $0.isOver = true }
        wake.signal()
        ended.wait()
    }
}
