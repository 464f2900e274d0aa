import Dispatch
import Domain
import Postgres
import Synchronization

/// What an item is to those who count: its row, and its cluster, negative for none.
package struct ItemPlace: Equatable, Sendable {
    package var row: Int32
    package var cluster: Int32

    package init(row: Int32, cluster: Int32) {
        self.row = row
        self.cluster = cluster
    }
}

/// One user's engaged events, by time and those of one time by the item's key; of items with a cluster.
package struct EngagedEvents: Sendable {
    package internal(set) var items: [Int32] = []
    package internal(set) var clusters: [Int32] = []
    /// Microseconds since 1970.
    package internal(set) var times: [Int64] = []
    /// Zero where scenes were not asked for.
    package internal(set) var scenes: [Int32] = []
}

/// How many connections read, and the memory that their events may take before they go on in a temporary file.
package struct ReadingSpace: Sendable {
    package var workers: Int
    package var memoryBytes: Int
    package var folder: String

    package init(workers: Int = 2, memoryBytes: Int = 256 << 20, folder: String = "/tmp") {
        precondition(workers > 0, "somebody has to read")
        self.workers = workers
        self.memoryBytes = memoryBytes
        self.folder = folder
    }
}

/// The events up to an instant that are stronger than an impression, user by user, without making the server sort them.
///
/// The rows come as the table has them, over several connections that see one snapshot where the relation has row
/// addresses, over one where it is a view; they are sorted here, part by part. Bad rows are set aside and counted as
/// ``EventReader`` does.
package struct EngagedEventReader {
    let source: EventSource
    let asOf: String
    let now: Int64
    let space: ReadingSpace

    package internal(set) var refused = RefusedRows()
    /// Good rows, impressions too.
    package internal(set) var events = 0
    /// Engaged events of items that the caller does not know, or that have no cluster.
    package internal(set) var unknownItems = 0

    /// - Parameters:
    ///   - asOf: events after this instant (text that PostgreSQL takes as timestamptz) are not read.
    ///   - now: microseconds since 1970; later events are bad rows.
    package init(_ source: EventSource, asOf: String, now: Int64, space: ReadingSpace = ReadingSpace()) {
        self.source = source
        self.asOf = asOf
        self.now = now
        self.space = space
    }

    /// Calls `user` once for every user with engaged events, in no particular order.
    ///
    /// - Parameters:
    ///   - connection: holds the snapshot; not within a transaction.
    ///   - connect: another session on the same database, for a worker.
    ///   - place: an item's row and cluster; nil for one that is not known. Asked once per worker and item.
    ///   - scene: a scene's number, where events shall have one.
    ///   - user: gets a worker's number, from 0 to `space.workers - 1`, and is called by one thread at a time for each.
    package mutating func read(
        on connection: Connection, connect: @Sendable () throws -> Connection,
        place: @Sendable (ExternalID) -> ItemPlace?, scene: (@Sendable (String?) -> Int32)? = nil,
        user: @Sendable (_ worker: Int, _ events: EngagedEvents) throws -> Void
    ) throws {
        let isShortUser = source.userType == .int || source.userType == .bigint
        let isShortItem = source.itemType == .int || source.itemType == .bigint
        switch (isShortUser, isShortItem) {
        case (true, true):
            try read(UInt64.self, UInt64.self, connection, connect, place, scene, user)
        case (true, false):
            try read(UInt64.self, UInt128.self, connection, connect, place, scene, user)
        case (false, true):
            try read(UInt128.self, UInt64.self, connection, connect, place, scene, user)
        case (false, false):
            try read(UInt128.self, UInt128.self, connection, connect, place, scene, user)
        }
    }

    private mutating func read<User: PackedKey, Item: PackedKey>(
        _: User.Type, _: Item.Type, _ connection: Connection, _ connect: @Sendable () throws -> Connection,
        _ place: @Sendable (ExternalID) -> ItemPlace?, _ scene: (@Sendable (String?) -> Int32)?,
        _ user: @Sendable (_ worker: Int, _ events: EngagedEvents) throws -> Void
    ) throws {
        let doing = "reading \(source.names.events)", reader = self
        let readers = try connection.transaction(.readOnlySnapshot, doing: doing) {
            let snapshot = try connection.execute("SELECT pg_export_snapshot() AS name", doing: doing)[0].string("name")
            let parts = try reader.parts(on: connection)
            let readers = parts.map { _ in EngagedRows<User, Item>(reader, share: parts.count) }
            try inParallel(parts.count) { part in
                let own = try connect()
                try own.transaction(.readOnlySnapshot, doing: doing) {
                    try own.execute("SET TRANSACTION SNAPSHOT \(Quote.literal(snapshot))", doing: doing)
                    try readers[part].read(reader.query(parts[part], scene != nil), on: own, place: place, scene: scene)
                }
            }
            return readers
        }
        for part in readers {
            refused.add(part.refused)
            events += part.events
            unknownItems += part.unknownItems
        }
        let items = RankedItems(readers.map(\.items))
        let next = Atomic<Int>(0)
        try inParallel(space.workers) { worker in
            var sorter = EngagedSorter<User>()
            while true {
                let partition = next.wrappingAdd(1, ordering: .relaxed).oldValue
                guard partition < EngagedPartitions<User>.partitions else { return }
                try sorter.sort(readers.map(\.partitions), partition, items) { try user(worker, $0) }
            }
        }
    }

    /// Conditions that cut the relation into parts of about equal length; one that is always true where it cannot be cut.
    private func parts(on connection: Connection) throws -> [String] {
        let row = try connection.execute(
            """
            SELECT relkind::text AS kind, pg_relation_size(oid) / current_setting('block_size')::bigint AS blocks
            FROM pg_class WHERE oid = to_regclass($1)
            """, [.text(source.events)], doing: "measuring \(source.names.events)")[0]
        let blocks = try row.string("kind") == "r" ? row.int("blocks") : 0
        let parts = min(space.workers, max(1, blocks))
        return (0..<parts).map { part in
            let lower = part == 0 ? "true" : "ctid >= '(\(blocks * part / parts),0)'::tid"
            // The last part is open: what was added since the table was measured is not in the snapshot, or is wanted.
            return part == parts - 1 ? lower : lower + " AND ctid < '(\(blocks * (part + 1) / parts),0)'::tid"
        }
    }

    private func query(_ part: String, _ withScene: Bool) -> String {
        let scene = withScene ? (source.hasScene ? ", scene::text" : ", NULL::text") : ""
        return """
            SELECT user_id, item_id, occurred_at, action::text\(scene) FROM \(source.events)
            WHERE \(part) AND \(EventRules(now: now).rows(upTo: asOf)) AND \(source.remembered())
            """
    }
}

/// Runs a body once per worker, each on a thread of its own, and throws the first failure.
func inParallel(_ workers: Int, _ body: (Int) throws -> Void) throws {
    let failure = Mutex<(any Error)?>(nil)
    try withoutActuallyEscaping(body) { body in
        // Safe: concurrentPerform returns only when every call has.
        nonisolated(unsafe) let work = body
        DispatchQueue.concurrentPerform(iterations: workers) { worker in
            do {
                try work(worker)
            } catch {
                failure.withLock { $0 = $0 ?? error }
            }
        }
        if let error = failure.withLock({ $0 }) { throw error }
    }
}
