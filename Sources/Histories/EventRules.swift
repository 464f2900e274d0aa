import Domain
import Postgres

/// Which rows of the events are read, and which of those are good: one set of rules for all readers.
struct EventRules {
    /// Microseconds since 1970; later events are bad rows.
    let now: Int64

    /// Why a row is left out; nil for a good one.
    @inline(__always)
    func refusal(hasItem: Bool, time: Int64?, action: Action?) -> RefusedReason? {
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
        "row \(row): item \(item.map { "\($0)" } ?? "null"), time \(time.map { "\($0)" } ?? "null"), "
            + "action \(label ?? "null")"
    }

    /// PostgreSQL counts microseconds from 2000; nil for its two infinities.
    @inline(__always)
    static func sinceEpoch(_ time: Int64) -> Int64? {
        time == .max || time == .min ? nil : time + 946_684_800_000_000
    }

    private static let year1990: Int64 = 631_152_000_000_000
}
