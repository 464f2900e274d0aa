/// Why one row of a file was left out; raw values are what quarantine tables and summaries show.
package enum RefusalReason: String, CaseIterable, Sendable {
    case wrongFieldCount = "wrong_field_count"
    /// A quote is not closed within 2 MiB, or something other than a delimiter follows the closing one.
    case brokenQuote = "broken_quote"
    /// Longer than ``DelimitedReader/longestRecord``.
    case overlongLine = "overlong_line"
    case missingUser = "missing_user"
    case missingItem = "missing_item"
    /// Not a key of the type asked for, or a text key above ``KeyText/longestKey``.
    case badUser = "bad_user"
    case badItem = "bad_item"
    case badTime = "bad_time"
    case beforeYear1990 = "before_year_1990"
    case inTheFuture = "in_the_future"
    case unknownAction = "unknown_action"
    case badAvailability = "bad_availability"
    /// Not UTF-8, or with a NUL byte, which PostgreSQL's text cannot hold.
    case invalidText = "invalid_text"
}
