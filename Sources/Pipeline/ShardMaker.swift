import Domain
import Histories
import Ledger
import Model
import Postgres
import ResultTables

/// Makes the lists of a release shard by shard, as one of any number of workers.
///
/// A shard's events and exclusions are read in one snapshot of its own: none is held for the length of a night.
struct ShardMaker {
    let context: RunContext
    let source: EventSource
    let maker: CandidateMaker
    let writer: ReleaseWriter
    let book: ShardBook
    let reader: Connection
    let storing: Connection
    let asOf: Instant
    let serveAt: Instant
    let run: Int
    /// Called when the storing session is a new one.
    let reconnected: () throws -> Void

    /// Works until nothing is left to claim; on others' shards it waits, in case they are given up.
    ///
    /// - Returns: the shards and users that this worker made.
    func work() throws -> (shards: Int, users: Int) {
        var made = (shards: 0, users: 0)
        var retries = Retries(context), isAfterFailure = false
        while true {
            try context.safePoint()
            do {
                // In here, because a server that is still down is one more failure to wait after.
                if isAfterFailure { try recover() }
                isAfterFailure = false
                try context.pace?.admit(context)
                switch try book.claim() {
                case .allDone: return made
                case .wait: try context.pause(seconds: 0.25)
                case .shard(let shard):
                    context.heartbeat?.hold(shard, of: writer.release)
                    defer { context.heartbeat?.hold(nil, of: writer.release) }
                    let users = try make(shard)
                    made.users += users
                    made.shards += 1
                    retries.succeeded()
                    try tell()
                    context.heartbeat?.hold(nil, of: writer.release)
                    try context.pace?.made(users, context)
                }
            } catch ReleaseError.shardLost(_, let shard) {
                context.log.warning("a shard was lost to another worker", metadata: ["shard": "\(shard)"])
            } catch let error as PostgresError {
                try retries.wait(after: error)
                isAfterFailure = true
            }
        }
    }

    private func recover() throws {
        _ = try reader.reconnectIfLost()
        if try storing.reconnectIfLost() { try reconnected() }
        // Where another session was lost, the shard is still claimed by this one, and nobody would get it for a minute.
        try book.giveBack()
    }

    private func make(_ shard: ClaimedShard) throws -> Int {
        var figures: [String: Int] = [:], users: [(user: ExternalID, history: TokenHistory)] = []
        var histories = HistoryReader(
            source, vocabulary: maker.artifact.vocabulary, settings: context.historySettings, asOf: asOf.text,
            now: context.now)
        var withoutItems = 0
        let exclusions = ExclusionReader(source, vocabulary: maker.artifact.vocabulary)
        let excluded = try reader.transaction(.readOnlySnapshot, doing: "reading shard \(shard.number)") {
            try histories.read(on: reader, users: UserRange(first: shard.first, end: shard.end)) { user, history in
                try context.safePoint()
                // Nothing to go by: such a user gets the popular list at lookup.
                if history.rows.isEmpty { withoutItems += 1 } else { users.append((user, history)) }
            }
            return try exclusions.forUsers(users.map(\.user), on: reader)
        }
        let lists = try maker.lists(of: users, at: serveAt.seconds, excluded: excluded, context)
        figures["users without a known item"] = withoutItems
        figures["events"] = histories.events
        figures["events of unknown items"] = histories.unknownItems
        // A user who is denied everything has an empty list: with none, the popular one would be shown.
        figures["short lists"] = lists.count { $0.list.count < maker.kept }
        for (reason, count) in histories.refused.counts { figures["refused: \(reason.rawValue)"] = count }
        try writer.write(lists, as: shard, figures: figures)
        try keep(histories.refused)
        return lists.count
    }

    /// A sample of what was refused, for people.
    private func keep(_ refused: RefusedRows) throws {
        guard refused.total > 0 else { return }
        try RunLedger.quarantine(
            refused.sample.map { (source.names.events, $0.reason.rawValue, $0.text) }, of: run, on: storing)
    }

    private func tell() throws {
        let progress = try book.progress()
        context.progress(
            progress.users, "users", fraction: Double(progress.done) / Double(max(progress.shards, 1)),
            total: progress.done == 0 ? nil : progress.users * progress.shards / progress.done)
    }
}
