import Baselines
import Domain
import Safetensors
import Tensors

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// What is counted of items up to an instant: how often each was had of late, and what was had together with it.
package struct ItemTables: Sendable {
    /// Days whose sessions are counted; the last counts all.
    static let windows: [Double] = [7, 14, 30, .infinity]
    /// The window that the list for everybody goes by; where it is equal, all sessions do.
    private static let recent = 1

    package let items: Int
    /// `[N, windows]`: sessions that held the item.
    private let sessions: [Float]
    /// `[N, windows]`: ``BlendFeature``'s logarithms of those.
    let popularity: [Float]
    /// `[N, N]`: the most similar items of each, by sessions and by users (``Baselines/ItemItem``).
    let bySession: SparseRows
    let byUser: SparseRows

    /// - Parameters:
    ///   - log: with an instant that ages are counted from.
    ///   - similarItems: held for each item; memory grows with it.
    package init(_ log: SessionLog, similarItems: Int, pool: WorkerPool) {
        let windows = Self.windows
        var sessions = [Float](repeating: 0, count: log.items * windows.count)
        let now = log.asOf ?? log.histories.compactMap { $0.sessions.last?.startsAt }.max() ?? 0
        for history in log.histories {
            history.forEachSession { session, rows in
                let days = Double(now - session.startsAt) / 86_400
                for (i, window) in windows.enumerated() where days < window {
                    for row in rows { sessions[Int(row) * windows.count + i] += 1 }
                }
            }
        }
        self.init(
            items: log.items, sessions: sessions,
            bySession: ItemItem.similar(log, .sessions, most: similarItems, pool: pool),
            byUser: ItemItem.similar(log, .users, most: similarItems, pool: pool))
    }

    private init(items: Int, sessions: [Float], bySession: SparseRows, byUser: SparseRows) {
        let windows = Self.windows.count
        var popularity = sessions
        for window in 0..<windows {
            var most: Float = 1
            for item in 0..<items { most = max(most, sessions[item * windows + window]) }
            for item in 0..<items {
                let share = sessions[item * windows + window] / most
                popularity[item * windows + window] =
                    share > BlendFeature.lowestShare ? logf(share) : BlendFeature.lowest
            }
        }
        (self.items, self.sessions, self.popularity) = (items, sessions, popularity)
        (self.bySession, self.byUser) = (bySession, byUser)
    }

    /// The most popular rows of late, best first, ties by all sessions, then by row.
    func mostPopular(_ count: Int, isOffered: (Int32) -> Bool) -> [Int32] {
        let windows = Self.windows.count
        func key(_ row: Int32) -> (Float, Float, Int32) {
            (-sessions[Int(row) * windows + Self.recent], -sessions[Int(row) * windows + windows - 1], row)
        }
        return Array((0..<Int32(items)).filter(isOffered).sorted { key($0) < key($1) }.prefix(count))
    }

    // MARK: - In an artifact

    var tensors: [String: StoredTensor] {
        var all = ["popular": Self.stored(sessions, shape: [items, Self.windows.count])]
        for (name, rows) in [("sessions", bySession), ("users", byUser)] {
            all["\(name).starts"] = StoredTensor(rows.starts.map { Int64($0) })
            all["\(name).items"] = StoredTensor(rows.column)
            all["\(name).values"] = Self.stored(rows.value, shape: [rows.value.count])
        }
        return all
    }

    /// - Parameter tensor: by the names of ``tensors``.
    init(
        items: Int, path: String, tensor: (String) throws(SafetensorsError) -> StoredTensor
    ) throws(SafetensorsError) {
        let sessions = try tensor("popular").array(of: Float.self)
        guard sessions.count == items * Self.windows.count, sessions.allSatisfy({ $0.isFinite && $0 >= 0 }) else {
            throw .damaged(path: path, reason: "the popularity of items does not fit them")
        }
        func rows(_ name: String) throws(SafetensorsError) -> SparseRows {
            let starts = try tensor("\(name).starts").array(of: Int64.self).map { Int($0) }
            let column = try tensor("\(name).items").array(of: Int32.self)
            let value = try tensor("\(name).values").array(of: Float.self)
            guard starts.count == items + 1, starts.first == 0, starts.last == column.count,
                zip(starts, starts.dropFirst()).allSatisfy({ $0 <= $1 }), value.count == column.count,
                column.allSatisfy({ 0 <= $0 && $0 < items }), value.allSatisfy({ $0.isFinite && $0 >= 0 })
            else { throw .damaged(path: path, reason: "what was had together by \(name) does not fit the items") }
            return SparseRows(starts: starts, column: column, value: value)
        }
        self.init(items: items, sessions: sessions, bySession: try rows("sessions"), byUser: try rows("users"))
    }

    private static func stored(_ values: [Float], shape: [Int]) -> StoredTensor {
        values.withUnsafeBufferPointer { StoredTensor(floats: $0, shape: shape) }
    }
}
