import Foundation
import Histories
import Postgres

/// A moment as PostgreSQL writes it, and as the model counts it.
package struct Instant: Equatable, Sendable {
    /// ISO 8601 in UTC, to the microsecond.
    package let text: String
    /// Microseconds since 1970.
    package let microseconds: Int64

    package var seconds: Int64 { microseconds / 1_000_000 - (microseconds % 1_000_000 < 0 ? 1 : 0) }

    package init(microseconds: Int64) {
        let second = Int64(1_000_000), part = (microseconds % second + second) % second
        var time = time_t((microseconds - part) / second), parts = tm()
        gmtime_r(&time, &parts)
        text = String(
            format: "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
            parts.tm_hour, parts.tm_min, parts.tm_sec, Int32(part))
        self.microseconds = microseconds
    }

    /// - Parameter wanted: "now", "latest" (the newest event that is not in the future), or a timestamp.
    package init(_ wanted: String, source: EventSource, on connection: Connection) throws {
        var wanted = wanted
        if wanted == "latest" {
            guard let newest = try source.newestEvent(on: connection) else {
                throw SourceError.noEvents(relation: source.names.events, asOf: "now")
            }
            wanted = newest
        }
        do {
            let row = try connection.execute(
                """
                SELECT to_char(t AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS text,
                    (extract(epoch FROM t) * 1000000)::bigint AS microseconds FROM (SELECT $1::timestamptz AS t) given
                WHERE isfinite(t)
                """, [.text(wanted)], doing: "reading the instant '\(wanted)'"
            ).first
            guard let row else { throw JobError.badInstant(wanted) }
            text = try row.string("text")
            microseconds = Int64(try row.int("microseconds"))
        } catch let error as PostgresError where error.sqlState?.hasPrefix("22") == true {
            throw JobError.badInstant(wanted)
        }
    }
}
