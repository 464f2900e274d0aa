import Domain
import Foundation
import Histories
import Model
import Postgres
import ResultTables
import Synchronization

/// What the lists of one shard are made from.
struct ReadShard: Sendable {
    let shard: ClaimedShard
    fileprivate(set) var users: [(user: ExternalID, history: TokenHistory)] = []
    /// Per user, vocabulary rows that must not be in the list.
    fileprivate(set) var excluded: [[Int32]] = []
    fileprivate(set) var figures: [String: Int] = [:]
    fileprivate(set) var refused = RefusedRows()
    fileprivate(set) var seconds = 0.0
}

/// One shard being read on a thread of its own, so that the next one comes out of the database while the one before is encoded
/// and stored. The connection is the thread's alone until ``finish()`` or ``abandon()`` has returned.
final class ShardReading: Sendable {
    private let cancelHandle: CancelHandle
    private let outcome = Mutex<Result<ReadShard, any Error>?>(nil)
    private let isAbandoned = Atomic<Bool>(false)
    private let ended = DispatchSemaphore(value: 0)

    private struct Abandoned: Error {}

    init(_ shard: ClaimedShard, for worker: ShardMaker) {
        cancelHandle = worker.reader.cancelHandle
        // Safe: of what it holds, the thread uses the reader, which is its own, and what never changes.
        nonisolated(unsafe) let worker = worker
        let thread = Thread { [self] in
            let result = Result { try read(shard, for: worker) }
            outcome.withLock { $0 = result }
            ended.signal()
        }
        thread.name = "reader"
        thread.start()
    }

    /// Waits for the shard.
    func finish() throws -> ReadShard {
        ended.wait()
        return try outcome.withLock { $0.take()! }.get()
    }

    /// Returns when the thread has ended, whatever it had read.
    func abandon() {
        isAbandoned.store(true, ordering: .relaxed)
        // Once more where the statement had not begun yet.
        while ended.wait(timeout: .now() + 0.05) == .timedOut { cancelHandle.cancel() }
    }

    private func read(_ shard: ClaimedShard, for worker: ShardMaker) throws -> ReadShard {
        var read = ReadShard(shard: shard)
        let began = ContinuousClock.now, vocabulary = worker.maker.artifact.vocabulary
        var histories = HistoryReader(
            worker.source, vocabulary: vocabulary, settings: worker.context.historySettings, asOf: worker.asOf.text,
            now: worker.context.now)
        var withoutItems = 0
        let exclusions = ExclusionReader(worker.source, vocabulary: vocabulary)
        try worker.reader.transaction(.readOnlySnapshot, doing: "reading shard \(shard.number)") {
            var resting: [[Int32]] = []
            let since = ListRules(worker.context.settings).restingSince(servedAt: worker.serveAt.microseconds)
            try histories.read(
                on: worker.reader, users: UserRange(first: shard.first, end: shard.end), restingSince: since
            ) { user, history, own in
                try worker.context.safePoint()
                guard !isAbandoned.load(ordering: .relaxed) else { throw Abandoned() }
                // Nothing to go by: such a user gets the popular list at lookup.
                guard !history.rows.isEmpty else {
                    withoutItems += 1
                    return
                }
                read.users.append((user, history))
                resting.append(own)
            }
            read.excluded = zip(try exclusions.forUsers(read.users.map(\.user), on: worker.reader), resting).map(+)
        }
        read.figures["users without a known item"] = withoutItems
        read.figures["events"] = histories.events
        read.figures["events of unknown items"] = histories.unknownItems
        for (reason, count) in histories.refused.counts { read.figures["refused: \(reason.rawValue)"] = count }
        read.refused = histories.refused
        read.seconds = (ContinuousClock.now - began) / .seconds(1)
        return read
    }
}
