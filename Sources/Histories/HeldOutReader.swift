import Domain
import Postgres

/// What a user did next, after the instant up to which the history goes.
package struct NextSession: Sendable {
    /// Epoch seconds.
    package var startsAt: Int64
    package var scene: Int32
    /// Vocabulary rows of the items with a positive action; items that the vocabulary lacks have rows past its end.
    package var items: [Int32]
}

/// Histories as of an instant together with the first session that began after it: a global time split, as one pass.
///
/// A session that was under way at the instant belongs to neither side's targets: its later items are not seen.
package struct HeldOutReader {
    private let vocabulary: Vocabulary
    private let settings: HistorySettings
    private var reader: EventReader
    private let cut: Int64

    package var refused: RefusedRows { reader.refused }

    /// - Parameter cut: microseconds since 1970: the as-of instant of the histories.
    package init(_ source: EventSource, vocabulary: Vocabulary, settings: HistorySettings, cut: Int64, now: Int64) {
        self.vocabulary = vocabulary
        self.settings = settings
        self.cut = cut
        reader = EventReader(source, upTo: "infinity", now: now)
    }

    /// Calls `body` for every user with a history before the instant and a session with a positive action after it.
    package mutating func read(
        on connection: Connection, user body: (ExternalID, TokenHistory, NextSession) throws -> Void
    ) throws {
        var before = settings.sessionizer()
        // Targets are not cut short: all sessions of a user, whole.
        var all = HistorySettings.whole(gapMinutes: settings.gapMinutes)
        var unknown: [ExternalID: Int32] = [:]
        try reader.read(on: connection) { event in
            let scene = vocabulary.scene(event.scene)
            var row = vocabulary.row(of: event.item)
            if let row, event.time <= cut {
                before.add(at: event.time, row: row, action: event.action, session: event.session, scene: scene)
            }
            if row == nil {
                row = unknown[event.item] ?? Int32(vocabulary.count + unknown.count)
                unknown[event.item] = row
            }
            all.add(at: event.time, row: row!, action: event.action, session: event.session, scene: scene)
        } end: { user in
            let history = before.finish(), (sessions, starts) = all.finishWithStarts()
            unknown.removeAll(keepingCapacity: true)
            guard !history.rows.isEmpty, let next = HeldOutReader.next(sessions, starts, after: cut) else { return }
            try body(user, history, next)
        }
    }

    private static func next(_ history: TokenHistory, _ starts: [Int64], after cut: Int64) -> NextSession? {
        var begin = 0
        for (head, startsAt) in zip(history.sessions, starts) {
            let range = begin..<begin + Int(head.items)
            begin = range.upperBound
            guard startsAt > cut else { continue }
            let items = range.filter { history.actions[$0] > Action.impression.rawValue }.map { history.rows[$0] }
            if !items.isEmpty { return NextSession(startsAt: head.startsAt, scene: head.scene, items: items) }
        }
        return nil
    }
}

extension HistorySettings {
    fileprivate static func whole(gapMinutes: Int) -> Sessionizer {
        Sessionizer(gapSeconds: Int64(gapMinutes) * 60, tokenBudget: 2_000_000, itemsPerSession: 1_000_000)
    }
}
