/// Writes gzip without zlib (RFC 1952, stored blocks of RFC 1951), so that the reader is not tested with its own library.
enum Gzip {
    static func pack(_ bytes: [UInt8]) -> [UInt8] {
        var packed: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255]
        let blockByteCount = 65_535
        for first in stride(from: 0, to: max(bytes.count, 1), by: blockByteCount) {
            let block = bytes[first..<min(first + blockByteCount, bytes.count)]
            packed.append(first + blockByteCount >= bytes.count ? 1 : 0)
            append(UInt16(block.count), to: &packed)
            append(~UInt16(block.count), to: &packed)
            packed += block
        }
        append(checksum(bytes), to: &packed)
        append(UInt32(bytes.count), to: &packed)
        return packed
    }

    private static func checksum(_ bytes: [UInt8]) -> UInt32 {
        var value: UInt32 = .max
        for byte in bytes {
            value ^= UInt32(byte)
            for _ in 0..<8 { value = value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1 }
        }
        return ~value
    }

    private static func append(_ value: some FixedWidthInteger, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }
}
