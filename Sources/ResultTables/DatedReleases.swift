import Domain
import Postgres

/// The releases of a day.
extension ReleaseCatalogue {
    /// The release that settles a day: the one that is or was served for it, else one that was taken back, else one that
    /// waits. Nil where the day is still to be made.
    package func settling(_ date: LogicalDate) throws -> ReleaseRow? {
        try rows(
            """
            WHERE logical_date = \(Quote.literal(date.description))
                AND (state IN ('current', 'superseded', 'rolled_back')
                    OR state = 'validated' AND NOT is_history AND pruned_at IS NULL)
            ORDER BY array_position(ARRAY['current', 'superseded', 'rolled_back', 'validated'], state), release DESC LIMIT 1
            """
        ).first
    }

    /// The last day before this one whose release was served, and not taken back.
    package func lastGood(before date: LogicalDate) throws -> LogicalDate? {
        try connection.execute(
            """
            SELECT max(logical_date)::text AS date FROM nearline.release
            WHERE state IN ('current', 'superseded') AND logical_date < $1::date
            """, [.text(date.description)], doing: "looking for the last day that was made"
        ).first?.optionalString("date").flatMap { LogicalDate($0) }
    }

    /// Whether a release has read events from after a day began.
    package func hasSeenMore(_ number: Int, than date: LogicalDate) throws -> Bool {
        try !connection.execute(
            "SELECT 1 FROM nearline.release WHERE release = $1::int AND as_of > $2::timestamptz",
            [.int(Int64(number)), .text(date.midnight)], doing: "comparing release \(number) with \(date)"
        ).isEmpty
    }

    /// The newest release of a past day that is whole; nil where that day is still to be made.
    package func history(of date: LogicalDate) throws -> ReleaseRow? {
        try rows(
            """
            WHERE logical_date = \(Quote.literal(date.description)) AND is_history AND pruned_at IS NULL
                AND state <> 'building' ORDER BY release DESC LIMIT 1
            """
        ).first
    }
}
