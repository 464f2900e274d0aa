import Domain
import Model
import Tensors

/// What could have been told of the newest sessions of each user before the days on which they began
/// (``Model/AnchorTable``).
package struct SessionAnchors: Equatable, Sendable {
    /// Sessions of a user that have anchors, at most: those that count most as targets, and are most like the one to come. Memory
    /// holds so many times the anchors of a list for each user.
    package static let newest = 4

    private let count: Int
    /// `[users, newest, count]`, the newest session first; -1 where there are fewer.
    private var rows: [Int32]

    fileprivate init(count: Int, users: Int) {
        self.count = count
        rows = Array(repeating: -1, count: users * Self.newest * count)
    }

    /// Those of one session, best first.
    ///
    /// - Parameters:
    ///   - user: place in the corpus.
    ///   - fromEnd: the session's number counted from the user's last, which is 0.
    package func of(_ user: Int, fromEnd: Int) -> ArraySlice<Int32> {
        guard fromEnd < Self.newest else { return [] }
        let begin = (user * Self.newest + fromEnd) * count
        return rows[begin..<begin + count].prefix { $0 >= 0 }
    }

    /// The same for some of the users, in their order.
    func keeping(_ users: [Int]) -> SessionAnchors {
        var kept = SessionAnchors(count: count, users: 0)
        for user in users { kept.rows += rows[user * Self.newest * count..<(user + 1) * Self.newest * count] }
        return kept
    }

    fileprivate mutating func fill(_ asked: [(user: Int, fromEnd: Int)], _ pool: WorkerPool, _ find: AnchorSearch) {
        var scores = (0..<pool.workers).map { _ in AnchorTable.Scores() }
        rows.withUnsafeMutableBufferPointer { rows in
            scores.withUnsafeMutableBufferPointer { scores in
                // Safe: every session has places of its own, and every worker scores of its own.
                nonisolated(unsafe) let (rows, scores) = (rows, scores)
                pool.forEach((asked.count + 63) / 64) { part, worker in
                    for one in asked[part * 64..<min(asked.count, part * 64 + 64)] {
                        let begin = (one.user * Self.newest + one.fromEnd) * count
                        for (i, row) in find(one.user, one.fromEnd, &scores[worker]).enumerated() {
                            rows[begin + i] = row
                        }
                    }
                }
            }
        }
    }

    fileprivate typealias AnchorSearch = (_ user: Int, _ fromEnd: Int, _ scores: inout AnchorTable.Scores) -> [Int32]
}

extension TrainingCorpus {
    /// Goes through all sessions day by day: finds ``anchors`` for those of a day from what began on the days before, in UTC, and
    /// then counts them.
    ///
    /// A session counts whole on the day on which it begins.
    ///
    /// - Parameters:
    ///   - count: anchors of a session, at most.
    ///   - items: of the vocabulary.
    ///   - asOf: epoch seconds of the end, at which lists will be made.
    ///   - isAsked: by place in the corpus, for whom anchors are found; nil for everybody. All sessions are counted.
    ///   - progress: called now and then with the sessions done; what it throws ends the search.
    /// - Returns: all that is counted then.
    package mutating func findAnchors(
        _ count: Int, items: Int, asOf: Int64, isAsked: [Bool]? = nil, pool: WorkerPool = WorkerPool(workers: 1),
        progress: (Int) throws -> Void = { _ in }
    ) throws -> AnchorTable {
        var order: [(at: Int64, user: Int32, session: Int32)] = []
        for (user, history) in histories.enumerated() {
            for (session, head) in history.sessions.enumerated() where !head.isLifelong {
                order.append((head.startsAt, Int32(user), Int32(session)))
            }
        }
        order.sort { ($0.at, $0.user, $0.session) < ($1.at, $1.user, $1.session) }
        var table = AnchorTable(items: items, begin: min(order.first?.at ?? asOf, asOf))
        var found = SessionAnchors(count: count, users: histories.count)
        var asked: [(user: Int, fromEnd: Int)] = [], begin = 0
        while begin < order.count {
            try progress(begin)
            let day = Self.day(order[begin].at)
            let end = order[begin...].firstIndex { Self.day($0.at) != day } ?? order.count
            asked.removeAll(keepingCapacity: true)
            for one in order[begin..<end] {
                let user = Int(one.user), fromEnd = histories[user].sessions.count - 1 - Int(one.session)
                let hasOthers = one.session > 0 && !histories[user].sessions[Int(one.session) - 1].isLifelong
                if fromEnd < SessionAnchors.newest, hasOthers, isAsked?[user] ?? true { asked.append((user, fromEnd)) }
            }
            if !asked.isEmpty {
                table.rank()
                found.fill(asked, pool) { user, fromEnd, scores in
                    let known = histories[user].prefix(histories[user].sessions.count - 1 - fromEnd)
                    return table.anchors(count, after: known, at: day * 86_400, &scores)
                }
            }
            for one in order[begin..<end] {
                let history = histories[Int(one.user)].prefix(Int(one.session) + 1)
                let own = history.engagedInLastSession
                guard !own.isEmpty else { continue }
                table.count(own, after: history.prefix(Int(one.session)).lastEngaged, at: one.at)
            }
            begin = end
        }
        anchors = found
        table.finish(at: asOf)
        return table
    }

    private static func day(_ instant: Int64) -> Int64 { instant / 86_400 - (instant % 86_400 < 0 ? 1 : 0) }
}

extension TokenHistory {
    /// The last session's rows, less impressions.
    fileprivate var engagedInLastSession: [Int32] {
        let begin = rows.count - Int(sessions.last?.items ?? 0)
        return (begin..<rows.count).filter { actions[$0] > Action.impression.rawValue }.map { rows[$0] }
    }
}
