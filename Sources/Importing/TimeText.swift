/// Reads a time from the bytes of a field, as microseconds since the Unix epoch, without Foundation.
///
/// Taken: epoch seconds (also with a fraction), milliseconds from 10^11, microseconds from 10^14, nanoseconds from
/// 10^17; and ISO 8601, `2026-01-02`, `2026-01-02T03:04`, `2026-01-02 03:04:05.678901`, with nothing (which is UTC),
/// `Z`, `UTC`, `+02`, `+0200` or `+02:00` after it. Digits beyond microseconds are cut off.
package enum TimeText {
    static let year1990: Int64 = 631_152_000_000_000

    package static func microseconds(_ field: FieldBytes) -> Int64? {
        if field.count >= 10, field[4] == UInt8(ascii: "-") { return calendarTime(field) }
        if let value = field.integer { return epoch(value) }
        return fractionalSeconds(field)
    }

    private static func epoch(_ value: Int64) -> Int64 {
        switch value.magnitude {
        case 0..<100_000_000_000: value * 1_000_000
        case 0..<100_000_000_000_000: value * 1_000
        case 0..<100_000_000_000_000_000: value
        default: value / 1_000
        }
    }

    /// `978300760.25`, as programs print that keep seconds in floating point.
    private static func fractionalSeconds(_ field: FieldBytes) -> Int64? {
        guard let point = field.firstIndex(of: UInt8(ascii: ".")), point > 0, field[0] != UInt8(ascii: "-") else {
            return nil
        }
        guard let seconds = FieldBytes(rebasing: field[..<point]).integer, seconds < 100_000_000_000 else { return nil }
        var cursor = Cursor(field, from: point)
        guard let fraction = cursor.fraction(), cursor.isAtEnd else { return nil }
        return seconds * 1_000_000 + fraction
    }

    private static func calendarTime(_ field: FieldBytes) -> Int64? {
        var cursor = Cursor(field, from: 0)
        guard let year = cursor.number(digits: 4), cursor.skip("-"), let month = cursor.number(digits: 2),
            cursor.skip("-"), let day = cursor.number(digits: 2),
            (1...12).contains(month), (1...days(in: month, of: year)).contains(day)
        else { return nil }
        let midnight = daysSinceEpoch(year: year, month: month, day: day) * 86_400
        if cursor.isAtEnd { return midnight * 1_000_000 }

        guard cursor.skip("T") || cursor.skip("t") || cursor.skip(" "),
            let hour = cursor.number(digits: 2), hour < 24, cursor.skip(":"),
            let minute = cursor.number(digits: 2), minute < 60
        else { return nil }
        var seconds = midnight + hour * 3600 + minute * 60
        var fraction: Int64 = 0
        if cursor.skip(":") {
            guard let second = cursor.number(digits: 2), second < 60 else { return nil }
            seconds += second
            if cursor.isAt(".") {
                guard let digits = cursor.fraction() else { return nil }
                fraction = digits
            }
        }
        guard let offset = cursor.zone(), cursor.isAtEnd else { return nil }
        return (seconds - offset) * 1_000_000 + fraction
    }

    private static func days(in month: Int64, of year: Int64) -> Int64 {
        switch month {
        case 2: (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Days from 1970-01-01 in the proleptic Gregorian calendar.
    ///
    /// Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`.
    private static func daysSinceEpoch(year: Int64, month: Int64, day: Int64) -> Int64 {
        let yearFromMarch = month <= 2 ? year - 1 : year
        let era = (yearFromMarch >= 0 ? yearFromMarch : yearFromMarch - 399) / 400
        let yearOfEra = yearFromMarch - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }
}

/// A place in a field that moves to the right as parts of a time are read.
private struct Cursor {
    private let field: FieldBytes
    private var position: Int

    init(_ field: FieldBytes, from position: Int) {
        self.field = field
        self.position = position
    }

    var isAtEnd: Bool { position == field.count }

    func isAt(_ character: Unicode.Scalar) -> Bool {
        position < field.count && field[position] == UInt8(ascii: character)
    }

    mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard isAt(character) else { return false }
        position += 1
        return true
    }

    mutating func number(digits: Int) -> Int64? {
        guard position + digits <= field.count else { return nil }
        var value: Int64 = 0
        for _ in 0..<digits {
            let digit = field[position] &- UInt8(ascii: "0")
            guard digit < 10 else { return nil }
            value = value * 10 + Int64(digit)
            position += 1
        }
        return value
    }

    /// A point and at least one digit, as microseconds.
    mutating func fraction() -> Int64? {
        guard skip(".") else { return nil }
        var value: Int64 = 0
        var unit: Int64 = 100_000
        let first = position
        while let digit = number(digits: 1) {
            value += digit * unit
            unit /= 10
        }
        return position > first ? value : nil
    }

    /// Seconds east of UTC; nothing means UTC.
    mutating func zone() -> Int64? {
        if isAtEnd { return 0 }
        _ = skip(" ")
        if skip("Z") || skip("z") || (skip("U") && skip("T") && skip("C")) { return 0 }
        let isWest = isAt("-")
        guard skip("+") || skip("-"), let hours = number(digits: 2), hours <= 15 else { return nil }
        var minutes: Int64 = 0
        if !isAtEnd {
            _ = skip(":")
            guard let digits = number(digits: 2), digits < 60 else { return nil }
            minutes = digits
        }
        let offset = hours * 3600 + minutes * 60
        return isWest ? -offset : offset
    }
}
