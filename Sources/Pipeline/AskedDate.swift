import Domain
import Postgres

/// Why a run cannot be for the day that it was asked for.
package enum DateError: Error, Equatable, CustomStringConvertible {
    case notADate(String)
    case inTheFuture(String, today: String)

    package var description: String {
        switch self {
        case .notADate(let text): "'\(text)' is no date; write 2026-01-31, or today (in UTC)"
        case .inTheFuture(let text, let today):
            "\(text) has not begun: by the server's clock it is \(today) in UTC; choose that day or an earlier one"
        }
    }
}

extension LogicalDate {
    /// The day that it is in UTC, by the server's clock: one for all hosts.
    static func today(on connection: Connection) throws -> LogicalDate {
        let text = try connection.execute(
            "SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS today", doing: "asking for the date")[0]
            .string("today")
        guard let today = LogicalDate(text) else { throw DateError.notADate(text) }
        return today
    }

    /// - Parameter wanted: a date, or "today".
    init(asked wanted: String, today: LogicalDate) throws {
        guard let date = wanted == "today" ? today : LogicalDate(wanted) else { throw DateError.notADate(wanted) }
        guard date <= today else { throw DateError.inTheFuture(wanted, today: today.description) }
        self = date
    }
}
