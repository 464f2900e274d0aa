/// One session of a history: when it began, on which scene, and how many items it holds.
package struct SessionHead: Equatable, Sendable {
    /// Epoch seconds of the first event.
    package var startsAt: Int64
    /// Row in the vocabulary's scenes, or the one after them, for tokens that stand for no session (anchors).
    package var scene: Int32
    package var items: Int32
    /// No session of the user's, but the items that stand for all sessions before the others; only ever the first.
    package var isLifelong = false

    package init(startsAt: Int64, scene: Int32, items: Int32, isLifelong: Bool = false) {
        self.startsAt = startsAt
        self.scene = scene
        self.items = items
        self.isLifelong = isLifelong
    }
}

/// A user's sessions as the model reads them, oldest first; items of a session stand together and have no order.
package struct TokenHistory: Equatable, Sendable {
    package var sessions: [SessionHead]
    /// Vocabulary rows, session by session.
    package var rows: [Int32]
    /// The strongest ``Action`` on each item, as raw value.
    package var actions: [UInt8]

    package init(sessions: [SessionHead] = [], rows: [Int32] = [], actions: [UInt8] = []) {
        self.sessions = sessions
        self.rows = rows
        self.actions = actions
    }

    /// Context tokens and item tokens together.
    package var tokens: Int { sessions.count + rows.count }

    package mutating func append(
        startsAt: Int64, scene: Int32, items: some Sequence<(row: Int32, action: UInt8)>, isLifelong: Bool = false
    ) {
        let before = rows.count
        for item in items {
            rows.append(item.row)
            actions.append(item.action)
        }
        sessions.append(
            SessionHead(startsAt: startsAt, scene: scene, items: Int32(rows.count - before), isLifelong: isLifelong))
    }

    /// The sessions of another history behind these.
    package mutating func append(_ other: TokenHistory) {
        sessions += other.sessions
        rows += other.rows
        actions += other.actions
    }

    /// The first `count` sessions.
    package func prefix(_ count: Int) -> TokenHistory {
        let kept = sessions.prefix(count)
        let items = kept.reduce(0) { $0 + Int($1.items) }
        return TokenHistory(sessions: Array(kept), rows: Array(rows[..<items]), actions: Array(actions[..<items]))
    }

    /// The sessions of these numbers, in their order.
    package func keeping(_ isKept: (_ number: Int) -> Bool) -> TokenHistory {
        var kept = TokenHistory(), begin = 0
        for (number, head) in sessions.enumerated() {
            let items = begin..<begin + Int(head.items)
            begin = items.upperBound
            guard isKept(number) else { continue }
            kept.append(
                startsAt: head.startsAt, scene: head.scene,
                items: items.map { (row: rows[$0], action: actions[$0]) }, isLifelong: head.isLifelong)
        }
        return kept
    }

    /// How many sessions had begun by an instant. What stands for all before the others is known when these begin.
    package func sessions(upTo instant: Int64) -> Int {
        let begun = sessions.prefix { $0.startsAt <= instant }.count
        return begun == 1 && sessions[0].isLifelong ? 0 : begun
    }

    /// The newest sessions that fit `budget` tokens; the newest one is always kept.
    package func newest(budget: Int) -> TokenHistory {
        var tokens = 0, first = sessions.count
        while first > 0, first == sessions.count || tokens + 1 + Int(sessions[first - 1].items) <= budget {
            first -= 1
            tokens += 1 + Int(sessions[first].items)
        }
        guard first > 0 else { return self }
        let skipped = sessions[..<first].reduce(0) { $0 + Int($1.items) }
        return TokenHistory(
            sessions: Array(sessions[first...]), rows: Array(rows[skipped...]), actions: Array(actions[skipped...]))
    }
}
