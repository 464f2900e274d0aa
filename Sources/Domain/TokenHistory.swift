/// One session of a history: when it began, on which scene, and how many items it holds.
package struct SessionHead: Equatable, Sendable {
    /// Epoch seconds of the first event.
    package var startsAt: Int64
    /// Row in the vocabulary's scenes.
    package var scene: Int32
    package var items: Int32

    package init(startsAt: Int64, scene: Int32, items: Int32) {
        self.startsAt = startsAt
        self.scene = scene
        self.items = items
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

    package mutating func append(startsAt: Int64, scene: Int32, items: some Sequence<(row: Int32, action: UInt8)>) {
        let before = rows.count
        for item in items {
            rows.append(item.row)
            actions.append(item.action)
        }
        sessions.append(SessionHead(startsAt: startsAt, scene: scene, items: Int32(rows.count - before)))
    }

    /// The first `count` sessions.
    package func prefix(_ count: Int) -> TokenHistory {
        let kept = sessions.prefix(count)
        let items = kept.reduce(0) { $0 + Int($1.items) }
        return TokenHistory(sessions: Array(kept), rows: Array(rows[..<items]), actions: Array(actions[..<items]))
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
