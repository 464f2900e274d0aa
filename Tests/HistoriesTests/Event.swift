import Domain
import Histories

/// One event as a sessionizer takes it.
struct Event {
    /// Microseconds since the epoch.
    var at: Int64
    var row: Int32
    var action: Action = .click
    var session: String?
    var scene: Int32 = 0

    static func second(
        _ second: Int64, _ row: Int32, _ action: Action = .click, session: String? = nil, scene: Int32 = 0
    ) -> Event {
        Event(at: second * 1_000_000, row: row, action: action, session: session, scene: scene)
    }
}

/// The history of one user with these events; a gap of 30 minutes unless the test says otherwise.
func history(
    _ events: [Event], gapSeconds: Int64 = 1800, tokenBudget: Int = 512, itemsPerSession: Int = 64
) -> TokenHistory {
    var sessionizer = Sessionizer(gapSeconds: gapSeconds, tokenBudget: tokenBudget, itemsPerSession: itemsPerSession)
    return sessionizer.history(events)
}

extension Sessionizer {
    mutating func history(_ events: [Event]) -> TokenHistory {
        for event in events {
            add(at: event.at, row: event.row, action: event.action, session: event.session, scene: event.scene)
        }
        return finish()
    }
}

extension TokenHistory {
    /// Item rows, session by session.
    var rowsBySession: [[Int32]] {
        var begin = 0
        return sessions.map { head in
            defer { begin += Int(head.items) }
            return Array(rows[begin..<begin + Int(head.items)])
        }
    }
}

/// A stream with everything that makes sessions hard: several scenes, ids that come back, pauses near the gap, ties.
func drawnStream(seed: UInt64, events: Int) -> [Event] {
    var draw = SeededGenerator(seed: seed, stream: 0x5e55)
    let usesIDs = draw.below(3)
    let pauses: [Int64] = [0, 1, 1_000_000, 599_999_999, 600_000_000, 600_000_001, 4_000_000_000]
    var at: Int64 = 1_704_067_200_000_000
    return (0..<events).map { _ in
        at += pauses[draw.below(pauses.count)]
        let hasID = usesIDs == 2 || (usesIDs == 1 && draw.below(2) == 0)
        return Event(
            at: at, row: Int32(draw.below(30)), action: Action(rawValue: UInt8(draw.below(4)))!,
            session: hasID ? "visit \(draw.below(max(2, events / 6)))" : nil, scene: Int32(draw.below(3)))
    }
}
