/// The bytes of one field, inside a reader's buffer: valid until the reader's next record.
package typealias FieldBytes = UnsafeBufferPointer<UInt8>

extension UnsafeBufferPointer<UInt8> {
    /// Without spaces and tabs around it: they are never part of a value.
    var trimmed: FieldBytes {
        var first = 0
        var end = count
        while first < end, self[first] == 0x20 || self[first] == 0x09 { first += 1 }
        while end > first, self[end - 1] == 0x20 || self[end - 1] == 0x09 { end -= 1 }
        return FieldBytes(rebasing: self[first..<end])
    }

    /// The field as text; nil where it is not UTF-8 or holds a NUL.
    var text: String? {
        guard !contains(0) else { return nil }
        return String(validating: self, as: UTF8.self)
    }

    /// A decimal `Int64` with an optional sign; nil for anything else, and where it does not fit.
    var integer: Int64? {
        let isNegative = first == UInt8(ascii: "-")
        let start = isNegative || first == UInt8(ascii: "+") ? 1 : 0
        guard start < count else { return nil }
        // Negative throughout: Int64.min has no positive twin.
        var value: Int64 = 0
        for index in start..<count {
            let digit = self[index] &- UInt8(ascii: "0")
            guard digit < 10 else { return nil }
            let (shifted, tooLarge) = value.multipliedReportingOverflow(by: 10)
            let (next, tooSmall) = shifted.subtractingReportingOverflow(Int64(digit))
            guard !tooLarge, !tooSmall else { return nil }
            value = next
        }
        guard !isNegative else { return value }
        return value == .min ? nil : -value
    }
}
