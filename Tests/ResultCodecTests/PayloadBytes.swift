import Checksum

/// Puts the checksum that a reader expects into a payload of at least 12 bytes (14 of version 1), computed apart from
/// the code under test.
func sealed(_ payload: [UInt8]) -> [UInt8] {
    let place = payload[1] == 1 ? 10 : 8
    let checked = Array(payload[..<place] + payload[(place + 4)...])
    let checksum =
        payload[1] == 1
        ? checked.withUnsafeBytes { Checksum.short($0) }
        : UInt32(truncatingIfNeeded: checked.withUnsafeBytes { Lookup3.hash($0) } &+ 31)
    var payload = payload
    for byte in 0..<4 { payload[place + byte] = UInt8(truncatingIfNeeded: checksum >> UInt32(8 * byte)) }
    return payload
}

/// A sealed payload of version 2; the raw length is that of `body` unless said otherwise.
func sealed(codec: UInt8, count: Int, rawLength: Int? = nil, _ body: [UInt8]) -> [UInt8] {
    let length = rawLength ?? body.count
    let header = [0x4E, 2, codec, UInt8(count & 0xFF), UInt8(count >> 8)]
    let lengthBytes = (0..<3).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) }
    return sealed(header + lengthBytes + [0, 0, 0, 0] + body)
}

/// The same payload as version 1 would have it: another header, the same body.
func oldVersion(_ payload: [UInt8]) -> [UInt8] {
    sealed([0x4E, 1, payload[2], 0] + payload[3..<8] + [0, 0, 0, 0, 0] + payload[12...])
}

func hex(_ bytes: [UInt8]) -> String {
    bytes.map { String(UInt16($0) + 0x100, radix: 16).dropFirst() }.joined()
}

/// The bytes of hexadecimal digits, blanks allowed.
func bytes(_ hex: String) -> [UInt8] {
    let digits = hex.filter { !$0.isWhitespace }.map { UInt8($0.hexDigitValue!) }
    return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
}
