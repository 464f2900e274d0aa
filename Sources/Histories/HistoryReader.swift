import Domain
import Postgres

/// One pass over the events, sorted by user: each user's become one history, cut to the token budget.
///
/// Memory holds one user at a time, whatever the size of the table.
package struct HistoryReader {
    private let vocabulary: Vocabulary
    private let rows: ItemRows
    private let settings: HistorySettings
    private let leavesLastOut: Bool
    private var reader: EventReader

    /// Events of items that the vocabulary does not hold.
    package private(set) var unknownItems = 0
    package var refused: RefusedRows { reader.refused }
    package var events: Int { reader.events }

    /// - Parameters:
    ///   - asOf: events after this instant (text that PostgreSQL takes as timestamptz) are not read.
    ///   - now: microseconds since 1970; later events are bad rows.
    ///   - leavesLastOut: histories end before each user's last engaged event (``HeldOutSplit/lastEvent(upTo:)``).
    package init(
        _ source: EventSource, vocabulary: Vocabulary, settings: HistorySettings, asOf: String, now: Int64,
        leavesLastOut: Bool = false
    ) {
        self.leavesLastOut = leavesLastOut
        self.vocabulary = vocabulary
        rows = ItemRows(vocabulary)
        self.settings = settings
        reader = EventReader(source, upTo: asOf, now: now)
    }

    /// What is asked of the server.
    package func query(users: UserRange = .all) -> String { reader.query(users) }

    /// Calls `body` once per user, in the order of keys; a user without a known item has an empty history.
    package mutating func read(
        on connection: Connection, users: UserRange = .all, user body: (ExternalID, TokenHistory) throws -> Void
    ) throws {
        try read(on: connection, users: users, restingSince: nil) { user, history, _ in try body(user, history) }
    }

    /// The same with the rows of what the user engaged with at some time or later, in ascending order: of all events that are
    /// read, those too that the token budget leaves no room for.
    ///
    /// - Parameter restingSince: microseconds since 1970; nil asks for none.
    package mutating func read(
        on connection: Connection, users: UserRange = .all, restingSince: Int64?,
        user body: (ExternalID, TokenHistory, _ resting: [Int32]) throws -> Void
    ) throws {
        var sessionizer = settings.sessionizer(), resting: Set<Int32> = []
        var unknown = 0, last = HeldBackEvent()
        let rows = rows, vocabulary = vocabulary, leavesLastOut = leavesLastOut
        func add(_ event: SourceEvent) {
            guard let row = rows.row(of: event.item) else {
                unknown += 1
                return
            }
            if let restingSince, event.time >= restingSince, event.action > .impression { resting.insert(row) }
            sessionizer.add(
                at: event.time, row: row, action: event.action, session: event.session,
                scene: event.scene == nil ? 0 : vocabulary.scene(event.scene))
        }
        try reader.read(on: connection, users: users) { event in
            if leavesLastOut { last.add(event, add) } else { add(event) }
        } end: { user in
            _ = last.finish()
            try body(user, sessionizer.finish(), resting.sorted())
            resting.removeAll(keepingCapacity: true)
        }
        unknownItems = unknown
    }
}
