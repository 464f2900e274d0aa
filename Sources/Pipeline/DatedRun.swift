import Domain
import Histories
import Ledger
import Postgres
import ResultTables

/// A precompute that is for a day: what there is of it already, and which days before it were missed.
struct DatedRun {
    let date: LogicalDate
    let catalogue: ReleaseCatalogue

    init(_ wanted: String, on connection: Connection) throws {
        date = try LogicalDate(asked: wanted, today: .today(on: connection))
        catalogue = ReleaseCatalogue(connection)
    }

    /// What settles the day, whatever has come into the events since; nil where there is something to do.
    ///
    /// - Parameter publishes: then a release that waits is no end yet, and one of a later instant that is served is: for
    ///   what is served only the newest counts.
    func settled(publishes: Bool) throws -> (release: ReleaseRow, why: String)? {
        if let row = try catalogue.settling(date) {
            switch row.state {
            case "current": return (row, "release \(row.release) of \(date) is current")
            case "superseded": return (row, "release \(row.release) of \(date) was served")
            case "rolled_back":
                let reason = try catalogue.reason(of: row).map { " (\($0))" } ?? ""
                return (row, "release \(row.release) of \(date) was rolled back\(reason)")
            default:
                if !publishes {
                    return (row, "release \(row.release) of \(date) is built and waits for nearline publish")
                }
            }
        }
        guard publishes, let current = try catalogue.current(),
            try catalogue.hasSeenMore(current.release, than: date)
        else { return nil }
        return (
            current,
            "release \(current.release) is current and has seen events after \(date) began; "
                + "nearline backfill --from \(date) --to \(date.advanced(by: 1)) makes one of that day"
        )
    }

    /// A release of the day that is built and was not published: its run was killed, or a gate refused it.
    func waiting() throws -> ReleaseRow? {
        try catalogue.settling(date).flatMap { $0.state == "validated" ? $0 : nil }
    }

    /// Days since the last good one that have no release, this one aside.
    func missed() throws -> Range<LogicalDate>? {
        guard let last = try catalogue.lastGood(before: date), last.advanced(by: 1) < date else { return nil }
        return last.advanced(by: 1)..<date
    }

    /// Says which days were missed and who makes them; for what is served, today's is all that counts.
    func tellMissed(_ report: inout RunReport, _ context: RunContext) throws {
        let missed = try missed()
        report.counts["dates missed"] = missed.map { $0.upperBound.day - $0.lowerBound.day } ?? 0
        guard let missed else { return }
        context.log.warning(
            "dates were missed",
            metadata: [
                "from": "\(missed.lowerBound)", "to": "\(missed.upperBound.advanced(by: -1))",
                "run": "nearline backfill --from \(missed.lowerBound) --to \(missed.upperBound)",
            ])
    }
}
