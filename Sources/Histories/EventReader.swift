import Domain
import Postgres

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// One good row of the events.
struct SourceEvent {
    var item: ExternalID
    /// Microseconds since 1970.
    var time: Int64
    var action: Action
    var session: String?
    var scene: String?
}

/// The events up to an instant, user by user and each user's in time order; bad rows are set aside and counted.
struct EventReader {
    private let source: EventSource
    /// Text that PostgreSQL takes as timestamptz.
    private let upTo: String
    /// Microseconds since 1970; later events are bad rows.
    private let now: Int64
    private(set) var refused = RefusedRows()
    private(set) var events = 0
    private var labels = ActionLabels()
    private var sessions = RepeatedText()
    private var scenes = RepeatedText()

    init(_ source: EventSource, upTo: String, now: Int64) {
        self.source = source
        self.upTo = upTo
        self.now = now
    }

    /// Calls `event` for every good row and `end` after each user's last one, in the order of keys (text by bytes).
    mutating func read(
        on connection: Connection, users: UserRange = .all, event: (SourceEvent) throws -> Void,
        end: (ExternalID) throws -> Void
    ) throws {
        var key: [UInt8] = [], user: ExternalID?
        try connection.copyOut(query(users), doing: "reading \(source.names.events)") { row in
            guard let bytes = try row.bytes() else {
                refused.add(.missingUser, "row \(row.rowNumber): user_id is null")
                try row.skipRest()
                return
            }
            guard !source.userType.isOverlong(bytes.count) else {
                refused.add(.overlongKey, "row \(row.rowNumber): user_id has \(bytes.count) bytes")
                try row.skipRest()
                return
            }
            if user == nil || !isSame(key, bytes) {
                if let user { try end(user) }
                key = Array(bytes)
                user = ExternalID(binary: bytes, type: source.userType)
                guard user != nil else {
                    throw PostgresError.malformed(
                        "row \(row.rowNumber): user_id is no \(source.userType.rawValue)",
                        doing: "reading \(source.names.events)")
                }
            }
            if let good = try check(&row) {
                events += 1
                try event(good)
            }
        }
        if let user { try end(user) }
    }

    @inline(__always)
    private func isSame(_ key: [UInt8], _ bytes: UnsafeRawBufferPointer) -> Bool {
        key.count == bytes.count && (key.isEmpty || memcmp(key, bytes.baseAddress!, key.count) == 0)
    }

    private mutating func check(_ row: inout CopyRow) throws -> SourceEvent? {
        let itemBytes = try row.bytes(), isOverlong = itemBytes.map { source.itemType.isOverlong($0.count) } ?? false
        let item = itemBytes.flatMap { ExternalID(binary: $0, type: source.itemType) }
        let time = try row.optionalInt64().flatMap(EventRules.sinceEpoch)
        let label = try row.bytes(), action = label.flatMap { labels[$0] }
        let session = source.hasSession ? try row.optionalString(repeating: &sessions) : nil
        let scene = source.hasScene ? try row.optionalString(repeating: &scenes) : nil
        if let reason = EventRules(now: now).refusal(
            hasItem: item != nil, isOverlong: isOverlong, time: time, action: action)
        {
            refused.add(
                reason,
                EventRules.text(
                    row: row.rowNumber, item: item, time: time, label: label.map { String(decoding: $0, as: UTF8.self) }
                ))
            return nil
        }
        guard let item, let time, let action else { return nil }
        return SourceEvent(
            item: item, time: time, action: action, session: session?.isEmpty == true ? nil : session, scene: scene)
    }

    func query(_ users: UserRange) -> String {
        var columns = ["user_id", "item_id", "occurred_at", "action::text"]
        if source.hasSession { columns.append("session_id::text") }
        if source.hasScene { columns.append("scene::text") }
        return """
            SELECT \(columns.joined(separator: ", ")) FROM \(source.events)
            WHERE \(EventRules(now: now).rows(upTo: upTo)) AND \(users.condition(source.userType))
                AND \(source.remembered())
            ORDER BY \(order.joined(separator: ", "))
            """
    }

    /// All columns take part, so that events at the same time do not come in the order in which the table happens to be.
    private var order: [String] {
        var order = [EventSource.order("user_id", source.userType), "occurred_at"]
        if source.hasSession { order.append("session_id::text COLLATE \"C\"") }
        if source.hasScene { order.append("scene::text COLLATE \"C\"") }
        return order + [EventSource.order("item_id", source.itemType), "action::text COLLATE \"C\""]
    }
}
