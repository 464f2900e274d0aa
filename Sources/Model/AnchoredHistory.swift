import Domain

extension TokenHistory {
    /// What the user had in the last session in which they had anything.
    package var lastEngaged: [Int32] {
        var end = rows.count
        for head in sessions.reversed() {
            let items = end - Int(head.items)..<end
            end = items.lowerBound
            guard !head.isLifelong else { break }
            let engaged = items.filter { actions[$0] > Action.impression.rawValue }.map { rows[$0] }
            if !engaged.isEmpty { return engaged }
        }
        return []
    }

    /// With a session of anchors before the one of this number, or behind all: of the same time as the session before it, so that
    /// the time to the next is told as it is without.
    ///
    /// Departure from OnePiece and from a "session 0": they stand last, not first, so that no session before sees them and all of
    /// them are targets of training as ever; they have a scene of their own to be told by, and the action of what was only shown.
    ///
    /// - Parameter scene: ``ModelSettings/anchorScene``.
    package func withAnchors(_ anchors: some Collection<Int32>, scene: Int32, before number: Int) -> TokenHistory {
        guard !anchors.isEmpty else { return self }
        var history = prefix(number)
        let time = (number > 0 ? sessions[number - 1] : sessions.first)?.startsAt ?? 0
        let known = history.rows.count
        history.append(
            startsAt: time, scene: scene, items: anchors.map { (row: $0, action: Action.impression.rawValue) })
        history.append(
            TokenHistory(
                sessions: Array(sessions[number...]), rows: Array(rows[known...]), actions: Array(actions[known...])))
        return history
    }
}
