import Domain
import Postgres

/// What would let histories be read in their order.
package struct IndexAdvice: Equatable, Sendable {
    /// Events that are sorted for want of it, as the planner guesses.
    package let sortedEvents: Int
    /// A statement that makes it.
    package let statement: String
}

extension EventSource {
    /// A statement that makes the index by which any range of users is read in order.
    package var userIndexStatement: String {
        "CREATE INDEX ON \(events) (\(Self.order("user_id", userType)), occurred_at)"
    }

    /// nil where the server would not sort, or where that cannot be told, as of a view.
    ///
    /// - Parameter now: microseconds since 1970.
    package func indexAdvice(now: Int64, on connection: Connection) throws -> IndexAdvice? {
        guard try hasUserIndex(on: connection) == false else { return nil }
        let query = EventReader(self, upTo: "infinity", now: now).query(.all)
        let lines = try connection.execute(
            "EXPLAIN (FORMAT JSON) \(query)", doing: "asking how \(names.events) would be read")
        let plan = try lines.map { try $0.string("QUERY PLAN") }.joined(separator: "\n")
        guard plan.contains(#""Node Type": "Sort""#) else { return nil }
        let rows = plan.firstMatch(of: #/"Plan Rows": (\d+)/#).flatMap { Int($0.1) }
        return IndexAdvice(sortedEvents: rows ?? 0, statement: userIndexStatement)
    }
}
