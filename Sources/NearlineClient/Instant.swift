import Glibc

/// A point in time, to the microsecond, as PostgreSQL has it.
public struct Instant: Hashable, Comparable, Sendable {
    public var microsecondsSince1970: Int64

    public init(microsecondsSince1970: Int64) { self.microsecondsSince1970 = microsecondsSince1970 }

    /// The time of this machine's clock.
    public static var now: Instant {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Instant(microsecondsSince1970: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000)
    }

    /// How long after `earlier` this is; negative where it is before.
    public func since(_ earlier: Instant) -> Duration {
        let (difference, isTooLarge) = microsecondsSince1970.subtractingReportingOverflow(
            earlier.microsecondsSince1970)
        return .microseconds(!isTooLarge ? difference : self < earlier ? .min : .max)
    }

    public static func < (a: Instant, b: Instant) -> Bool { a.microsecondsSince1970 < b.microsecondsSince1970 }
}

extension Instant: CustomStringConvertible {
    /// In UTC, to the second: `2026-11-22T03:00:00Z`.
    public var description: String {
        var seconds = time_t(microsecondsSince1970.dividedDown(by: 1_000_000))
        var parts = tm()
        gmtime_r(&seconds, &parts)
        func digits(_ value: Int32, _ count: Int) -> String {
            let text = String(value)
            return String(repeating: "0", count: max(0, count - text.count)) + text
        }
        return "\(digits(parts.tm_year + 1900, 4))-\(digits(parts.tm_mon + 1, 2))-\(digits(parts.tm_mday, 2))"
            + "T\(digits(parts.tm_hour, 2)):\(digits(parts.tm_min, 2)):\(digits(parts.tm_sec, 2))Z"
    }
}

extension Int64 {
    /// The quotient, rounded down also below zero.
    fileprivate func dividedDown(by divisor: Int64) -> Int64 {
        self / divisor - (self % divisor < 0 ? 1 : 0)
    }
}
