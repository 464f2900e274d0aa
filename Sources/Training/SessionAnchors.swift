import Domain
import Model

/// What could have been told of each of a user's sessions before the day on which it began (``Model/AnchorTable``).
package struct SessionAnchors: Equatable, Sendable {
    /// By session, where its rows end.
    private var ends: [Int32] = []
    private var rows: [Int32] = []

    fileprivate mutating func append(_ anchors: [Int32]) {
        rows += anchors
        ends.append(Int32(rows.count))
    }

    /// Vocabulary rows, best first; none for a first session.
    package subscript(session: Int) -> ArraySlice<Int32> {
        rows[(session > 0 ? Int(ends[session - 1]) : 0)..<Int(ends[session])]
    }
}

extension TrainingCorpus {
    /// Goes through all sessions day by day: finds ``anchors`` for those of a day from what began on the days before, in UTC, and
    /// then counts them.
    ///
    /// - Parameters:
    ///   - count: anchors of a session, at most.
    ///   - items: of the vocabulary.
    ///   - asOf: epoch seconds of the end, at which lists will be made.
    ///   - progress: called now and then with the sessions done; what it throws ends the search.
    /// - Returns: all that is counted then.
    package mutating func findAnchors(
        _ count: Int, items: Int, asOf: Int64, progress: (Int) throws -> Void = { _ in }
    ) throws -> AnchorTable {
        var table = AnchorTable(items: items, asOf: asOf), scores = AnchorTable.Scores()
        let order = histories.indices.flatMap { user in
            histories[user].sessions.indices.map {
                (at: histories[user].sessions[$0].startsAt, user: user, session: $0)
            }
        }.sorted { ($0.at, $0.user, $0.session) < ($1.at, $1.user, $1.session) }
        var found = histories.map { [[Int32]](repeating: [], count: $0.sessions.count) }
        var begin = 0
        while begin < order.count {
            let day = Self.day(order[begin].at)
            let end = order[begin...].firstIndex { Self.day($0.at) != day } ?? order.count
            table.rank()
            for (place, one) in order[begin..<end].enumerated() {
                if place % 4096 == 0 { try progress(begin + place) }
                let known = histories[one.user].prefix(one.session)
                guard known.sessions.contains(where: { !$0.isLifelong }) else { continue }
                found[one.user][one.session] = table.anchors(count, after: known, at: day * 86_400, &scores)
            }
            for one in order[begin..<end] { histories[one.user].count(one.session, in: &table) }
            begin = end
        }
        anchors = found.map { sessions in
            var anchors = SessionAnchors()
            for session in sessions { anchors.append(session) }
            return anchors
        }
        table.finish()
        return table
    }

    private static func day(_ instant: Int64) -> Int64 { instant / 86_400 - (instant % 86_400 < 0 ? 1 : 0) }
}

extension TokenHistory {
    /// Counts one session, less impressions, after the one before.
    fileprivate func count(_ session: Int, in table: inout AnchorTable) {
        guard !sessions[session].isLifelong else { return }
        let own = engaged(session)
        guard !own.isEmpty else { return }
        let before = session > 0 && !sessions[session - 1].isLifelong ? engaged(session - 1) : []
        table.count(own, after: before, at: sessions[session].startsAt)
    }

    private func engaged(_ session: Int) -> [Int32] {
        let begin = sessions[..<session].reduce(0) { $0 + Int($1.items) }
        return (begin..<begin + Int(sessions[session].items)).filter { actions[$0] > Action.impression.rawValue }
            .map { rows[$0] }
    }
}
