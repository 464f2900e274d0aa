import Domain
import Tensors

/// The same list for everybody: in how many sessions of the last days each item was, and where that is equal, of all days.
package struct PopularItems: Recommender {
    package let name = "popular"
    package let items: Int
    /// `[N]`: sessions of the last days, plus a millionth of all.
    private let sessions: [Double]

    /// - Parameter days: how many of the last days count; nil for all.
    package init(_ log: SessionLog, days: Double? = 14) {
        items = log.items
        let newest = log.asOf ?? log.histories.compactMap { $0.sessions.last?.startsAt }.max() ?? 0
        let from = days.map { Double(newest) - $0 * 86_400 } ?? -.infinity
        var sessions = [Double](repeating: 0, count: log.items)
        for history in log.histories {
            history.forEachSession { session, rows in
                let weight = (Double(session.startsAt) > from ? 1 : 0) + 1e-6
                for row in rows { sessions[Int(row)] += weight }
            }
        }
        self.sessions = sessions
    }

    package func score(_ asker: Asker, wish: Wish, into scores: Floats) { write(into: scores, times: 1) }

    /// For other methods, to order the items that they say nothing of.
    func write(into scores: Floats, times factor: Double) {
        for item in 0..<items { scores[item] = Float(sessions[item] * factor) }
    }

    var highest: Double { max(sessions.max() ?? 0, 1) }
}
