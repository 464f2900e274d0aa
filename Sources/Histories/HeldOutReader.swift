import Domain
import Postgres

/// What a user did next, after the history ends.
package struct NextSession: Sendable {
    /// Epoch seconds.
    package var startsAt: Int64
    package var scene: Int32
    /// Vocabulary rows of the items that were engaged with, or as strongly as the reader was asked for; items that the
    /// vocabulary lacks have rows past its end.
    package var items: [Int32]
}

/// Where a user's events are cut into what is known and what is to be foreseen.
package enum HeldOutSplit: Equatable, Sendable {
    /// At one instant for everybody, in microseconds since 1970: the first session that begins after it is foreseen.
    ///
    /// A session that was under way at the instant belongs to neither side's targets: its later items are not seen.
    case after(Int64)
    /// Before each user's last engaged event up to an instant (text that PostgreSQL takes as timestamptz): leave-one-out,
    /// as in papers. Histories of some end long after the targets of others.
    case lastEvent(upTo: String)
}

/// Histories together with what came next, as one pass over the events.
package struct HeldOutReader {
    private let vocabulary: Vocabulary
    private let settings: HistorySettings
    private var reader: EventReader
    private let split: HeldOutSplit
    private let weakest: Action

    package var refused: RefusedRows { reader.refused }
    package var events: Int { reader.events }

    /// - Parameter weakest: the action from which on an item is part of what came next; which session came next does not
    ///   depend on it, and a session without such items is none.
    package init(
        _ source: EventSource, vocabulary: Vocabulary, settings: HistorySettings, split: HeldOutSplit,
        weakest: Action = .click, now: Int64
    ) {
        self.vocabulary = vocabulary
        self.settings = settings
        self.split = split
        self.weakest = weakest
        switch split {
        case .after: reader = EventReader(source, upTo: "infinity", now: now)
        case .lastEvent(let end): reader = EventReader(source, upTo: end, now: now)
        }
    }

    /// Calls `body` for every user with a history before the instant and a session with a positive action after it.
    package mutating func read(
        on connection: Connection, user body: (ExternalID, TokenHistory, NextSession) throws -> Void
    ) throws {
        try readEverybody(on: connection) { user, history, next in
            guard let next, !history.rows.isEmpty else { return }
            try body(user, history, next)
        }
    }

    /// Calls `body` for every user, with or without a history, and with or without anything after it.
    package mutating func readEverybody(
        on connection: Connection, user body: (ExternalID, TokenHistory, NextSession?) throws -> Void
    ) throws {
        switch split {
        case .after(let cut): try readSessions(after: cut, on: connection, body)
        case .lastEvent: try readLastEvents(on: connection, body)
        }
    }

    private mutating func readSessions(
        after cut: Int64, on connection: Connection, _ body: (ExternalID, TokenHistory, NextSession?) throws -> Void
    ) throws {
        var before = settings.sessionizer()
        // Targets are not cut short: all sessions of a user, whole.
        var all = HistorySettings.whole(gapMinutes: settings.gapMinutes).sessionizer()
        var rows = RowsOfUser(vocabulary)
        let weakest = weakest
        try reader.read(on: connection) { event in
            let scene = vocabulary.scene(event.scene)
            if let row = vocabulary.row(of: event.item), event.time <= cut {
                before.add(at: event.time, row: row, action: event.action, session: event.session, scene: scene)
            }
            all.add(
                at: event.time, row: rows.row(of: event.item), action: event.action, session: event.session,
                scene: scene)
        } end: { user in
            let history = before.finish(), (sessions, starts) = all.finishWithStarts()
            rows.forget()
            try body(user, history, HeldOutReader.next(sessions, starts, after: cut, weakest))
        }
    }

    private mutating func readLastEvents(
        on connection: Connection, _ body: (ExternalID, TokenHistory, NextSession?) throws -> Void
    ) throws {
        let weakest = weakest
        var before = settings.sessionizer(), last = HeldBackEvent(), rows = RowsOfUser(vocabulary)
        try reader.read(on: connection) { event in
            last.add(event) { event in
                guard let row = vocabulary.row(of: event.item) else { return }
                before.add(
                    at: event.time, row: row, action: event.action, session: event.session,
                    scene: vocabulary.scene(event.scene))
            }
        } end: { user in
            let next = last.finish().flatMap { last in
                last.action < weakest
                    ? nil
                    : NextSession(
                        startsAt: last.time.flooredDivision(by: 1_000_000), scene: vocabulary.scene(last.scene),
                        items: [rows.row(of: last.item)])
            }
            rows.forget()
            try body(user, before.finish(), next)
        }
    }

    /// Sessions that began at one instant have no order among them: what came next is all of them.
    private static func next(
        _ history: TokenHistory, _ starts: [Int64], after cut: Int64, _ weakest: Action
    ) -> NextSession? {
        var begin = 0, next: NextSession?, nextStart = Int64.min
        for (head, startsAt) in zip(history.sessions, starts) {
            let range = begin..<begin + Int(head.items)
            begin = range.upperBound
            guard startsAt > cut, next == nil || startsAt == nextStart else { continue }
            guard range.contains(where: { history.actions[$0] > Action.impression.rawValue }) else { continue }
            let items = range.filter { history.actions[$0] >= weakest.rawValue }.map { history.rows[$0] }
            if next == nil { next = NextSession(startsAt: head.startsAt, scene: head.scene, items: []) }
            nextStart = startsAt
            let known = Set(next!.items)
            next!.items += items.filter { !known.contains($0) }
        }
        return next.flatMap { $0.items.isEmpty ? nil : $0 }
    }
}

extension HistorySettings {
    /// Histories that are not cut short by anything that occurs.
    package static func whole(gapMinutes: Int) -> HistorySettings {
        var whole = HistorySettings()
        whole.gapMinutes = gapMinutes
        whole.tokensPerUser = 2_000_000
        whole.itemsPerSession = 1_000_000
        return whole
    }
}

/// Vocabulary rows, and rows past the end for one user's items that the vocabulary lacks.
private struct RowsOfUser {
    private let vocabulary: Vocabulary
    private var unknown: [ExternalID: Int32] = [:]

    init(_ vocabulary: Vocabulary) { self.vocabulary = vocabulary }

    mutating func row(of item: ExternalID) -> Int32 {
        if let row = vocabulary.row(of: item) ?? unknown[item] { return row }
        let row = Int32(vocabulary.count + unknown.count)
        unknown[item] = row
        return row
    }

    mutating func forget() { unknown.removeAll(keepingCapacity: true) }
}
