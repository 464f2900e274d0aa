/// Why the database did not do what was asked: the server's own words, what we were doing, and what to do next.
///
/// Holds no parameter and no value of a row: where the server quotes one, it is struck out before it gets here.
package struct PostgresError: Error, Sendable, Equatable {
    /// What the caller was doing, as it said it: "reading shop.events".
    package var doing: String
    /// The server's five-character code; nil when there was no answer from a server.
    package var sqlState: String?
    /// The primary message, on one line.
    package var message: String
    package var detail: String?
    package var hint: String?
    package var kind: Kind

    /// What a caller may decide by; everything finer is in ``sqlState``.
    package enum Kind: Sendable, Equatable {
        /// No connection, or it was lost: whether the last statement took effect is unknown.
        case unreachable
        case noGrant, missingRelation, missingColumn
        /// Cancelled by a ``CancelHandle``, an administrator or a statement timeout.
        case cancelled
        /// The disk of the database server.
        case diskFull
        /// The same transaction, tried again, may well succeed.
        case transient
        /// A standby, or a server that was told to take no changes.
        case readOnly
        /// An answer or an argument that our own strict reading refuses.
        case malformed
        case other
    }

    /// - Parameter kind: nil for what `sqlState` says.
    package init(
        doing: String, sqlState: String? = nil, message: String, detail: String? = nil, hint: String? = nil,
        kind: Kind? = nil
    ) {
        self.doing = doing
        self.sqlState = sqlState
        self.message = message
        self.detail = detail
        self.hint = hint
        self.kind = kind ?? Kind(sqlState: sqlState)
    }

    /// A refusal of our own, before or after the server had its say.
    package static func malformed(_ message: String, doing: String) -> PostgresError {
        PostgresError(doing: doing, message: message, kind: .malformed)
    }
}

extension PostgresError.Kind {
    /// The kind of a server error. Source: PostgreSQL documentation, appendix A.
    package init(sqlState: String?) {
        switch sqlState {
        case "42501": self = .noGrant
        case "42P01", "3F000": self = .missingRelation
        case "42703": self = .missingColumn
        case "57014": self = .cancelled
        case "25006": self = .readOnly
        case "53100": self = .diskFull
        // No such database; shut down, crashed, starting up; a session ended for idling.
        case "3D000", "57P01", "57P02", "57P03", "57P05", "25P03": self = .unreachable
        // Serialization, deadlock, lock timeout, object in use, too many connections.
        case "40001", "40P01", "55P03", "55006", "53300": self = .transient
        case let state? where state.hasPrefix("08"): self = .unreachable
        case let state? where state.hasPrefix("28"): self = .noGrant
        default: self = .other
        }
    }
}

extension PostgresError: CustomStringConvertible {
    package var description: String {
        var text = "\(doing): \(message)"
        if let sqlState { text += " (SQLSTATE \(sqlState))" }
        if let detail { text += "; \(detail)" }
        if let hint { text += "; hint: \(hint)" }
        if let nextStep { text += "; \(nextStep)" }
        return text
    }

    private var nextStep: String? {
        switch kind {
        case .unreachable where sqlState == "3D000": "create the database, or name another one (PGDATABASE)"
        case .unreachable: "check that the server runs and that PGHOST, PGPORT, PGDATABASE name it, then run this again"
        case .noGrant: "grant this role what it lacks, or connect as another one (PGUSER)"
        case .missingRelation: "check the name and schema in the configuration, and that the database is migrated"
        case .missingColumn: "check the column names in the configuration, and that the database is migrated"
        case .cancelled: "run this again to go on"
        case .diskFull: "free space on the database server, then run this again"
        case .transient: "run this again"
        case .readOnly:
            "this server takes no changes: name the primary (PGHOST), or wait until it does, and run this again"
        case .malformed, .other: nil
        }
    }
}
