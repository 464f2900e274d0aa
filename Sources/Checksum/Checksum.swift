import CXXHash

/// XXH3 over bytes: 64 bits to find damage in a payload, 128 bits to name a configuration, a vocabulary or a migration.
///
/// Not a defence against an attacker, who could forge either.
package enum Checksum {
    package static func xxh3(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        hash_64_bits(bytes.baseAddress, bytes.count)
    }

    /// The low half of ``xxh3(_:)``, as payload headers store it.
    package static func short(_ bytes: UnsafeRawBufferPointer) -> UInt32 { UInt32(truncatingIfNeeded: xxh3(bytes)) }

    /// 32 hexadecimal digits that name these bytes.
    package static func name(_ bytes: UnsafeRawBufferPointer) -> String {
        let hash = hash_128_bits(bytes.baseAddress, bytes.count)
        func hex(_ value: UInt64) -> String {
            let digits = String(value, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }
        return hex(hash.high64) + hex(hash.low64)
    }

    package static func name(_ text: String) -> String {
        var text = text
        return text.withUTF8 { name(UnsafeRawBufferPointer($0)) }
    }
}
