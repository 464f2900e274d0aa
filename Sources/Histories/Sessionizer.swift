import Domain

/// One user's events, in time order, to sessions: by the source's session id where it has one, else by a gap per scene.
///
/// Rules:
/// - a pause **longer** than the gap begins a new session; one exactly as long does not; equal times never do;
/// - without ids every scene has its own sessions: going to another scene and back within the gap goes on with the old one;
/// - with ids an id is one session, whatever the pauses; its scene is that of its first event;
/// - an item repeated in a session counts once, with its strongest action;
/// - a session over `itemsPerSession` keeps the strongest actions, the earlier ones among equals;
/// - memory is bounded: a session is forgotten once the ones after it fill the token budget; what is still added to it
///   makes no new one, and of an id only the name is kept;
/// - of what is forgotten, the items of the most sessions may be kept as one first session, within the budget
///   (`lifelongItems`): a user's lasting taste, however long their life.
package struct Sessionizer {
    fileprivate struct Open {
        var startsAt: Int64
        var scene: Int32
        var id: String?
        var items: [(row: Int32, action: UInt8, at: Int64)] = []
        /// Places in ``items``, of a session too long to look through.
        var places: [Int32: Int] = [:]
        static let short = 64
    }

    private let gap: Int64
    private let tokenBudget: Int
    private let itemsPerSession: Int
    private let lifelongItems: Int
    /// Of sessions that are held no longer: in how many an item was, its strongest action; where and when the first of them began.
    private var lifelong: [Int32: (sessions: Int32, action: UInt8)] = [:]
    private var oldest: (startsAt: Int64, scene: Int32)?
    private var sessions: [Open] = []
    private var first = 0
    private var tokens = 0
    /// Places in ``sessions``; ``isForgotten`` for a session that is no longer held.
    private var byID: [String: Int] = [:]
    private var byScene: [Int32: (place: Int, lastAt: Int64)] = [:]
    /// Of the scene that was on last, whose entry in ``byScene`` is not kept up: nearly every event is on the same.
    private var recent: (scene: Int32, place: Int, lastAt: Int64) = (0, Sessionizer.none, 0)
    private static let isForgotten = -1
    private static let none = -2

    /// - Parameters:
    ///   - gapSeconds: a longer pause begins a new session.
    ///   - lifelongItems: items that stand for what is forgotten, at most; 0: nothing does.
    package init(gapSeconds: Int64, tokenBudget: Int, itemsPerSession: Int, lifelongItems: Int = 0) {
        let first = lifelongItems == 0 ? 0 : lifelongItems + 1
        precondition(itemsPerSession > 0 && tokenBudget - first > itemsPerSession, "a session fits the budget")
        self.lifelongItems = lifelongItems
        gap = gapSeconds * 1_000_000
        self.tokenBudget = tokenBudget
        self.itemsPerSession = itemsPerSession
    }

    /// - Parameter time: microseconds since the epoch, not before the last event's.
    package mutating func add(at time: Int64, row: Int32, action: Action, session: String?, scene: Int32) {
        let place = openSession(at: time, id: session, scene: scene)
        guard place != Sessionizer.isForgotten else { return remember(row, action.rawValue, sessions: 0) }
        let before = sessions[place].items.count
        sessions[place].take(row, action.rawValue, at: time, most: itemsPerSession)
        tokens += sessions[place].items.count - before
        forgetWhatCannotFit()
    }

    /// The user's history, cut from the left to the budget; the sessionizer is then ready for the next user.
    package mutating func finish() -> TokenHistory { finishWithStarts().history }

    /// The same, with the start of each session in microseconds.
    mutating func finishWithStarts() -> (history: TokenHistory, startsAt: [Int64]) {
        var history = TokenHistory(), starts: [Int64] = []
        // Sessions stand in the order in which they began, as events come in time order.
        for session in sessions[first...] {
            starts.append(session.startsAt)
            let items = session.items.sorted { ($0.at, $0.row) < ($1.at, $1.row) }
            history.append(
                startsAt: session.startsAt.flooredDivision(by: 1_000_000), scene: session.scene,
                items: items.map { (row: $0.row, action: $0.action) })
        }
        sessions.removeAll(keepingCapacity: true)
        if !byID.isEmpty { byID.removeAll(keepingCapacity: true) }
        if !byScene.isEmpty { byScene.removeAll(keepingCapacity: true) }
        recent = (0, Sessionizer.none, 0)
        (first, tokens) = (0, 0)
        history = cut(history)
        return withLifelong(history, starts.suffix(history.sessions.count))
    }

    /// Cuts a history from the left to the budget, and to what the first session leaves of it where there is one.
    private mutating func cut(_ whole: TokenHistory) -> TokenHistory {
        let leavesRoom = lifelongItems > 0 && (oldest != nil || whole.tokens > tokenBudget)
        let history = whole.newest(budget: leavesRoom ? tokenBudget - lifelongItems - 1 : tokenBudget)
        let left = whole.sessions.count - history.sessions.count
        guard lifelongItems > 0, left > 0 else { return history }
        if oldest == nil { oldest = (whole.sessions[0].startsAt * 1_000_000, whole.sessions[0].scene) }
        for place in 0..<whole.rows.count - history.rows.count {
            remember(whole.rows[place], whole.actions[place], sessions: 1)
        }
        return history
    }

    /// The history behind the session that stands for all that was forgotten, if there is one.
    private mutating func withLifelong(
        _ history: TokenHistory, _ starts: some Sequence<Int64>
    ) -> (history: TokenHistory, startsAt: [Int64]) {
        guard let oldest else { return (history, Array(starts)) }
        // What was only shown comes last, however often.
        func isBefore(
            _ a: (row: Int32, of: (sessions: Int32, action: UInt8)),
            _ b: (row: Int32, of: (sessions: Int32, action: UInt8))
        ) -> Bool {
            let (shownA, shownB) = (
                a.of.action == Action.impression.rawValue, b.of.action == Action.impression.rawValue
            )
            if shownA != shownB { return shownB }
            if a.of.sessions != b.of.sessions { return a.of.sessions > b.of.sessions }
            return a.of.action != b.of.action ? a.of.action > b.of.action : a.row < b.row
        }
        let kept = lifelong.sorted { isBefore(($0.key, $0.value), ($1.key, $1.value)) }.prefix(lifelongItems)
        var all = TokenHistory()
        all.append(
            startsAt: oldest.startsAt.flooredDivision(by: 1_000_000), scene: oldest.scene,
            items: kept.sorted { $0.key < $1.key }.map { (row: $0.key, action: $0.value.action) }, isLifelong: true)
        all.append(history)
        lifelong.removeAll(keepingCapacity: true)
        self.oldest = nil
        return (all, [oldest.startsAt] + starts)
    }

    /// - Parameter more: 0 for what is added to a session that may have been counted with this item before.
    private mutating func remember(_ row: Int32, _ action: UInt8, sessions more: Int32) {
        guard lifelongItems > 0 else { return }
        let known = lifelong[row, default: (0, 0)]
        lifelong[row] = (max(1, known.sessions + more), max(known.action, action))
    }

    private mutating func openSession(at time: Int64, id: String?, scene: Int32) -> Int {
        if let id {
            if let place = byID[id] { return place }
            byID[id] = sessions.count
        } else {
            if scene != recent.scene {
                if recent.place != Sessionizer.none { byScene[recent.scene] = (recent.place, recent.lastAt) }
                let old = byScene[scene]
                recent = (scene, old?.place ?? Sessionizer.none, old?.lastAt ?? 0)
            }
            if recent.place != Sessionizer.none, time - recent.lastAt <= gap {
                recent.lastAt = time
                return recent.place
            }
            recent = (scene, sessions.count, time)
        }
        sessions.append(Open(startsAt: time, scene: scene, id: id))
        tokens += 1
        return sessions.count - 1
    }

    private mutating func forgetWhatCannotFit() {
        while first < sessions.count - 1, tokens - 1 - sessions[first].items.count > tokenBudget {
            tokens -= 1 + sessions[first].items.count
            if let id = sessions[first].id { byID[id] = Sessionizer.isForgotten }
            let scene = sessions[first].scene
            if recent.scene == scene {
                if recent.place == first { recent.place = Sessionizer.isForgotten }
            } else if byScene[scene]?.place == first {
                byScene[scene]?.place = Sessionizer.isForgotten
            }
            if lifelongItems > 0 {
                if oldest == nil { oldest = (sessions[first].startsAt, scene) }
                for item in sessions[first].items { remember(item.row, item.action, sessions: 1) }
            }
            sessions[first].items = []
            sessions[first].places = [:]
            first += 1
        }
        if first > 1024 { compact() }
    }

    private mutating func compact() {
        sessions.removeFirst(first)
        for (key, place) in byID where place >= first { byID[key] = place - first }
        for (key, open) in byScene where open.place >= first { byScene[key]?.place = open.place - first }
        if recent.place >= first { recent.place -= first }
        first = 0
    }
}

extension Sessionizer.Open {
    fileprivate mutating func take(_ row: Int32, _ action: UInt8, at time: Int64, most: Int) {
        if let place = place(of: row) {
            items[place].action = max(items[place].action, action)
        } else if items.count < most {
            items.append((row, action, time))
            if items.count == Self.short { for (place, item) in items.enumerated() { places[item.row] = place } }
            if items.count > Self.short { places[row] = items.count - 1 }
        } else if let weakest = items.indices.min(by: {
            (items[$0].action, -items[$0].at, -$0) < (items[$1].action, -items[$1].at, -$1)
        }),
            items[weakest].action < action
        {
            if !places.isEmpty {
                places[items[weakest].row] = nil
                places[row] = weakest
            }
            items[weakest] = (row, action, time)
        }
    }

    private func place(of row: Int32) -> Int? {
        places.isEmpty ? items.firstIndex { $0.row == row } : places[row]
    }
}

extension Int64 {
    /// Division towards minus infinity, so that times before 1970 fall into their own second.
    func flooredDivision(by divisor: Int64) -> Int64 {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? quotient - 1 : quotient
    }
}
