import Checksum
import Domain

/// A user or item key in a fixed number of bits: what can be grouped by without a string of its own.
///
/// Numbers and uuids are themselves. Text is 128 bits of two unrelated hashes: among a billion keys, two that agree have
/// a chance of one in 10^20.
protocol PackedKey: FixedWidthInteger & UnsignedInteger & Sendable {
    /// nil where PostgreSQL's binary form has a wrong length.
    static func pack(_ bytes: UnsafeRawBufferPointer, _ type: IDType) -> Self?
    /// All bits of the key in the upper bits of a word.
    var mixed: UInt64 { get }
}

extension UInt64: PackedKey {
    @inline(__always)
    static func pack(_ bytes: UnsafeRawBufferPointer, _ type: IDType) -> UInt64? {
        if bytes.count == 8, type == .bigint { return UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)) }
        if bytes.count == 4, type == .int { return UInt64(UInt32(bigEndian: bytes.loadUnaligned(as: UInt32.self))) }
        return nil
    }

    @inline(__always)
    var mixed: UInt64 {
        let product = (self ^ self >> 32) &* 0x9e37_79b9_7f4a_7c15
        return (product ^ product >> 29) &* 0xbf58_476d_1ce4_e5b9
    }
}

extension UInt128: PackedKey {
    @inline(__always)
    static func pack(_ bytes: UnsafeRawBufferPointer, _ type: IDType) -> UInt128? {
        switch type {
        case .uuid where bytes.count == 16:
            return UInt128(UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self))) << 64
                | UInt128(UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
        case .text: return UInt128(Checksum.xxh3(bytes)) << 64 | UInt128(Lookup3.hash(bytes))
        default: return nil
        }
    }

    @inline(__always)
    var mixed: UInt64 {
        (UInt64(truncatingIfNeeded: self) ^ UInt64(truncatingIfNeeded: self >> 64).byteSwapped).mixed
    }
}

/// Numbers keys in the order in which they are met; open addressing, so that a look costs one line of cache.
final class KeyNumbers<Key: PackedKey> {
    private struct Entry {
        var key: Key
        /// Plus one; 0 = free.
        var number: Int32
    }

    private(set) var count = 0
    private var entries: UnsafeMutableBufferPointer<Entry>
    private var shift: UInt64

    init(bits: Int = 10) {
        entries = KeyNumbers.free(bits)
        shift = UInt64(64 - bits)
    }

    deinit { entries.deallocate() }

    /// The number of a key, and whether it is a new one.
    @inline(__always)
    func number(of key: Key) -> (number: Int, isNew: Bool) {
        let entries = self.entries, mask = entries.count &- 1
        var place = Int(truncatingIfNeeded: key.mixed &>> shift)
        while entries[place].number > 0 {
            if entries[place].key == key { return (Int(entries[place].number) &- 1, false) }
            place = (place &+ 1) & mask
        }
        count &+= 1
        entries[place] = Entry(key: key, number: Int32(count))
        // Four fifths full: what is small enough for the cache is worth a second look.
        if count &* 5 > entries.count &* 4 { grow() }
        return (count &- 1, true)
    }

    /// The number of a key; nil for one that has none.
    @inline(__always)
    func knownNumber(of key: Key) -> Int? {
        let entries = self.entries, mask = entries.count &- 1
        var place = Int(truncatingIfNeeded: key.mixed &>> shift)
        while entries[place].number > 0 {
            if entries[place].key == key { return Int(entries[place].number) &- 1 }
            place = (place &+ 1) & mask
        }
        return nil
    }

    func removeAll() {
        entries.update(repeating: Entry(key: 0, number: 0))
        count = 0
    }

    private func grow() {
        let bits = 65 - Int(shift), larger = KeyNumbers.free(bits)
        shift -= 1
        for entry in entries where entry.number > 0 {
            var place = Int(truncatingIfNeeded: entry.key.mixed &>> shift)
            while larger[place].number > 0 { place = (place &+ 1) & (larger.count &- 1) }
            larger[place] = entry
        }
        entries.deallocate()
        entries = larger
    }

    private static func free(_ bits: Int) -> UnsafeMutableBufferPointer<Entry> {
        let entries = UnsafeMutableBufferPointer<Entry>.allocate(capacity: 1 << bits)
        entries.initialize(repeating: Entry(key: 0, number: 0))
        return entries
    }
}
