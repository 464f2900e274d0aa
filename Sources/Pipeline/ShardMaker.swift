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
        // What is read while the shard before it is made; never more than one, so that memory holds two.
        var ahead: (shard: ClaimedShard, reading: ShardReading)?
        defer {
            ahead?.reading.abandon()
            hold([])
        }
        while true {
            try context.safePoint()
            do {
                // In here, because a server that is still down is one more failure to wait after.
                if isAfterFailure { try recover() }
                isAfterFailure = false
                guard let next = try ahead ?? claim(waiting: true) else { return made }
                ahead = nil
                let read = try next.reading.finish()
                // A run that is held back takes what it may when it may.
                if context.pace == nil { ahead = try claim(waiting: false) }
                hold([next.shard, ahead?.shard].compactMap(\.self))
                context.add(read.seconds, toPart: "reading")
                let users = try make(read)
                made.users += users
                made.shards += 1
                retries.succeeded()
                try tell()
                hold([ahead?.shard].compactMap(\.self))
                try context.pace?.made(users, context)
            } catch ReleaseError.shardLost(_, let shard) {
                context.log.warning("a shard was lost to another worker", metadata: ["shard": "\(shard)"])
            } catch let error as PostgresError {
                ahead?.reading.abandon()
                ahead = nil
                try retries.wait(after: error)
                isAfterFailure = true
            }
        }
    }

    /// A shard for this worker, which is being read from now on; nil where all is done, or, unless it waits, where there is none
    /// to be had now.
    private func claim(waiting: Bool) throws -> (shard: ClaimedShard, reading: ShardReading)? {
        while true {
            if waiting { try context.pace?.admit(context) }
            switch try book.claim(ahead: !waiting) {
            case .allDone: return nil
            case .wait:
                guard waiting else { return nil }
                try context.pause(seconds: 0.25)
            case .shard(let shard):
                if waiting { hold([shard]) }
                return (shard, ShardReading(shard, for: self))
            }
        }
    }

    private func hold(_ shards: [ClaimedShard]) { context.heartbeat?.hold(shards, of: writer.release) }

    private func recover() throws {
        _ = try reader.reconnectIfLost()
        if try storing.reconnectIfLost() { try reconnected() }
        // Where another session was lost, the shard is still claimed by this one, and nobody would get it for a minute.
        try book.giveBack()
    }

    private func make(_ read: ReadShard) throws -> Int {
        let lists = try maker.lists(of: read.users, at: serveAt.seconds, excluded: read.excluded, context)
        var figures = read.figures
        // A user who is denied everything has an empty list: with none, the popular one would be shown.
        figures["short lists"] = lists.count { $0.list.count < maker.kept }
        try context.part("storing") { try writer.write(lists, as: read.shard, figures: figures) }
        try keep(read.refused)
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
