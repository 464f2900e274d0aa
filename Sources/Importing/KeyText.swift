import Domain

/// Reads user and item keys from the bytes of a field, without a `String` on the way for numbers and uuids.
package enum KeyText {
    package static let longestKey = IDType.longestText

    /// Why a key could not be taken.
    enum Refused: Error { case missing, bad, invalidText }

    static func parse(_ field: FieldBytes, as type: IDType) -> Result<ExternalID, Refused> {
        guard !field.isEmpty else { return .failure(.missing) }
        switch type {
        case .bigint:
            guard let value = field.integer else { return .failure(.bad) }
            return .success(.integer(value))
        case .int:
            guard let value = field.integer, Int32(exactly: value) != nil else { return .failure(.bad) }
            return .success(.integer(value))
        case .uuid:
            guard let key = uuid(field) else { return .failure(.bad) }
            return .success(.uuid(key))
        case .text:
            guard field.count <= longestKey else { return .failure(.bad) }
            guard let text = field.text else { return .failure(.invalidText) }
            return .success(.text(text))
        }
    }

    /// Whether a number is written as PostgreSQL would print it: `007` and `+7` are two texts but one number.
    static func isCanonicalInteger(_ field: FieldBytes) -> Bool {
        guard field.integer != nil, field[0] != UInt8(ascii: "+") else { return false }
        let firstDigit = field[field[0] == UInt8(ascii: "-") ? 1 : 0]
        return firstDigit != UInt8(ascii: "0") || field.count == 1
    }

    static func uuid(_ field: FieldBytes) -> UUIDKey? {
        guard field.count == 36 else { return nil }
        var high: UInt64 = 0
        var low: UInt64 = 0
        for (position, byte) in field.enumerated() {
            switch position {
            case 8, 13, 18, 23:
                guard byte == UInt8(ascii: "-") else { return nil }
            default:
                guard let digit = hexDigit(byte) else { return nil }
                high = high << 4 | low >> 60
                low = low << 4 | digit
            }
        }
        return UUIDKey(high: high, low: low)
    }

    private static func hexDigit(_ byte: UInt8) -> UInt64? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt64(byte - UInt8(ascii: "a") + 10)
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt64(byte - UInt8(ascii: "A") + 10)
        default: nil
        }
    }
}
