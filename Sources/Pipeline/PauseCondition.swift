import Postgres

/// When a long job is to leave the server to others: `replication-lag>30s`, `replication-lag>64MB`, `connections>80`.
package struct PauseCondition: Equatable, Sendable {
    package enum Measure: Equatable, Sendable {
        /// Of the slowest replica: seconds behind, or bytes of write-ahead log.
        case lagSeconds, lagBytes
        /// Client sessions of the whole server.
        case connections
    }

    package let measure: Measure
    package let bound: Double
    /// As it was written.
    package let text: String

    /// Throws ``BackfillError/badPauseCondition(_:)``.
    package init(_ text: String) throws {
        guard let sign = text.firstIndex(of: ">") else { throw BackfillError.badPauseCondition(text) }
        let name = Self.trimmed(text[..<sign]), amount = Self.trimmed(text[text.index(after: sign)...])
        let digits = amount.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        guard let number = Double(digits), number.isFinite, number >= 0, let first = digits.first, first != ".",
            let (measure, factor) = Self.unit(String(amount.dropFirst(digits.count)), of: name)
        else { throw BackfillError.badPauseCondition(text) }
        self.measure = measure
        bound = number * factor
        self.text = text
    }

    private static func trimmed(_ part: Substring) -> String {
        String(part.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }

    /// Units as PostgreSQL spells them.
    private static func unit(_ unit: String, of name: String) -> (Measure, Double)? {
        let seconds = ["ms": 0.001, "s": 1, "min": 60, "h": 3600]
        let bytes = ["kB": 1024.0, "MB": 1_048_576, "GB": 1_073_741_824]
        switch name {
        case "connections": return unit.isEmpty ? (.connections, 1) : nil
        case "replication-lag":
            return seconds[unit].map { (.lagSeconds, $0) } ?? bytes[unit].map { (.lagBytes, $0) }
        default: return nil
        }
    }

    /// Throws where the answer would be hidden from this role, and the job never paused.
    func requireSight(on connection: Connection) throws {
        guard measure != .connections else { return }
        let row = try connection.execute(
            "SELECT pg_has_role('pg_read_all_stats', 'USAGE') AS sees, current_user::text AS role",
            doing: "looking whether replicas are shown")[0]
        guard try row.bool("sees") else { throw BackfillError.mayNotSeeReplication(role: try row.string("role")) }
    }

    /// Why to pause now; nil where there is no reason.
    func reason(on connection: Connection) throws -> String? {
        let found = try connection.execute("SELECT (\(query))::float8 AS found", doing: "looking whether to pause")[0]
            .double("found")
        return found > bound ? "\(text), it is \(shown(found))" : nil
    }

    private var query: String {
        switch measure {
        // One that says nothing any more says nothing of its lag either; the server takes it off the list after a minute.
        case .lagSeconds:
            """
            SELECT coalesce(max(extract(epoch FROM greatest(
                replay_lag, CASE WHEN replay_lsn < pg_current_wal_lsn() THEN clock_timestamp() - reply_time END))), 0)
            FROM pg_stat_replication
            """
        case .lagBytes:
            "SELECT coalesce(max(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)), 0) FROM pg_stat_replication"
        case .connections: "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
        }
    }

    private func shown(_ found: Double) -> String {
        switch measure {
        case .lagSeconds: "\((found * 10).rounded() / 10) s"
        case .lagBytes: sizeText(Int(found))
        case .connections: "\(Int(found))"
        }
    }
}
