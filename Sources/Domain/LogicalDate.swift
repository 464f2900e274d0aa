/// A day in UTC that work is for, whenever it is done: its lists are made as of the midnight at which it begins.
package struct LogicalDate: Hashable, Sendable {
    /// Days since 1970-01-01.
    package let day: Int

    package init(day: Int) { self.day = day }

    /// - Parameter text: `2026-01-31` and nothing else; nil for what is no day of the calendar.
    package init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.map(\.utf8.count) == [4, 2, 2], text.utf8.allSatisfy({ $0 == 0x2D || (0x30...0x39).contains($0) }),
            let year = Int(parts[0]), let month = Int(parts[1]), let day = Int(parts[2])
        else { return nil }
        let found = LogicalDate(day: Self.day(year, month, day))
        // What the calendar does not have, as February 30th, comes out as another day.
        guard year > 0, (1...12).contains(month), found.description == text else { return nil }
        self = found
    }

    /// The instant at which it begins, as PostgreSQL reads it.
    package var midnight: String { "\(self)T00:00:00Z" }

    package func advanced(by days: Int) -> LogicalDate { LogicalDate(day: day + days) }

    /// Years are counted from March on, so that the day of a leap year is the last one.
    ///
    /// Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil; years from 1 on.
    private static func day(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let year = month <= 2 ? year - 1 : year
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return year * 365 + year / 4 - year / 100 + year / 400 + dayOfYear - 719_468
    }
}

extension LogicalDate: Comparable {
    package static func < (a: LogicalDate, b: LogicalDate) -> Bool { a.day < b.day }
}

extension LogicalDate: CustomStringConvertible {
    /// civil_from_days of the same source.
    package var description: String {
        let shifted = day + 719_468, era = shifted / 146_097, dayOfEra = shifted % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let month = (5 * dayOfYear + 2) / 153, isNextYear = month >= 10
        return padded(era * 400 + yearOfEra + (isNextYear ? 1 : 0), 4) + "-"
            + padded(isNextYear ? month - 9 : month + 3, 2)
            + "-" + padded(dayOfYear - (153 * month + 2) / 5 + 1, 2)
    }

    private func padded(_ number: Int, _ width: Int) -> String {
        let digits = "\(number)"
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
