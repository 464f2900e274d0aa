import Checksum

/// Puts the checksum that a reader expects into a payload of at least 14 bytes, computed apart from the code under test.
func sealed(_ payload: [UInt8]) -> [UInt8] {
    let checksum = (payload[..<10] + payload[14...]).withUnsafeBytes { Checksum.short($0) }
    var payload = payload
    for byte in 0..<4 { payload[10 + byte] = UInt8(truncatingIfNeeded: checksum >> UInt32(8 * byte)) }
    return payload
}

/// A sealed payload of version 1; the raw length is that of `body` unless said otherwise.
func sealed(codec: UInt8, count: Int, rawLength: Int? = nil, _ body: [UInt8]) -> [UInt8] {
    let length = UInt32(rawLength ?? body.count)
    var payload: [UInt8] = [0x4E, 1, codec, 0, UInt8(count & 0xFF), UInt8(count >> 8)]
    for byte in 0..<4 { payload.append(UInt8(truncatingIfNeeded: length >> UInt32(8 * byte))) }
    return sealed(payload + [0, 0, 0, 0] + body)
}

func hex(_ bytes: [UInt8]) -> String {
    bytes.map { String(UInt16($0) + 0x100, radix: 16).dropFirst() }.joined()
}

/// The bytes of hexadecimal digits, blanks allowed.
func bytes(_ hex: String) -> [UInt8] {
    let digits = hex.filter { !$0.isWhitespace }.map { UInt8($0.hexDigitValue!) }
    return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
}
