import Domain
import Postgres

/// Which rows of the events are read, and which of those are good: one set of rules for all readers.
struct EventRules {
    /// Microseconds since 1970; later events are bad rows.
    let now: Int64

    /// Why a row is left out; nil for a good one.
    @inline(__always)
    func refusal(hasItem: Bool, isOverlong: Bool, time: Int64?, action: Action?) -> RefusedReason? {
        guard !isOverlong else { return .overlongKey }
        guard hasItem else { return .missingItem }
        guard let time else { return .missingTime }
        guard time >= EventRules.year1990 else { return .beforeYear1990 }
        guard time <= now else { return .inTheFuture }
        return action == nil ? .unknownAction : nil
    }

    /// Bad times are read too, so that they can be counted; good ones only up to the as-of instant.
    func rows(upTo: String) -> String {
        """
        (occurred_at <= \(Quote.literal(upTo))::timestamptz OR occurred_at IS NULL
            OR occurred_at > to_timestamp(\(Double(now) / 1e6)))
        """
    }

    /// What is shown of a row that was left out.
    static func text(row: Int, item: ExternalID?, time: Int64?, label: String?) -> String {
        "row \(row): item \(item.map { short("\($0)") } ?? "null"), time \(time.map { "\($0)" } ?? "null"), "
            + "action \(label.map(short) ?? "null")"
    }

    /// A sample is to be read by people, and a field may have a gigabyte.
    private static func short(_ field: String) -> String {
        field.utf8.count > 100 ? "\(field.prefix(60))... (\(field.utf8.count) bytes)" : field
    }

    /// PostgreSQL counts microseconds from 2000, and up to a year that ours do not reach from 1970; nil for its two infinities.
    @inline(__always)
    static func sinceEpoch(_ time: Int64) -> Int64? {
        guard time != .max, time != .min else { return nil }
        let (sum, isTooLarge) = time.addingReportingOverflow(946_684_800_000_000)
        return isTooLarge ? .max : sum
    }

    private static let year1990: Int64 = 631_152_000_000_000
}
