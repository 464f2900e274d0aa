/// The one hash that both we and stock PostgreSQL compute at the speed of C: `hash_bytes_extended` with seed 0, which
/// is what `hash_array_extended(ARRAY[bytes], 0)` calls for its element.
///
/// PostgreSQL does not document it, yet cannot change it: tables that are partitioned by hash of a bytea would look for
/// rows in the wrong partition after pg_upgrade. That holds for little-endian machines, whose words these are.
///
/// Source: Jenkins 2006, lookup3.c; PostgreSQL, src/common/hashfn.c.
package enum Lookup3 {
    /// The hash of `bytes` as one piece.
    package static func hash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        var state = State(length: bytes.count)
        let rest = state.take(bytes)
        state.takeLast(rest)
        return state.final()
    }

    /// The hash of the eight bytes of `prefix`, lowest first, and `rest`, as if they lay side by side.
    package static func hash(prefix: UInt64, _ rest: UnsafeRawBufferPointer) -> UInt64 {
        var state = State(length: 8 + rest.count)
        state.a &+= UInt32(truncatingIfNeeded: prefix)
        state.b &+= UInt32(truncatingIfNeeded: prefix >> 32)
        guard rest.count >= 4 else {
            state.c &+= word(rest) << 8
            return state.final()
        }
        state.c &+= UInt32(littleEndian: unsafe rest.loadUnaligned(as: UInt32.self))
        state.mix()
        let blocks = state.take(UnsafeRawBufferPointer(rebasing: rest[4...]))
        state.takeLast(blocks)
        return state.final()
    }

    /// What PostgreSQL makes of the hash of an array's only element.
    package static func hashOfArray(element: UInt64) -> UInt64 { element &+ 31 }
}

/// The first four bytes, lowest first, zeros where there are fewer.
private func word(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    if bytes.count >= 4 { return UInt32(littleEndian: unsafe bytes.loadUnaligned(as: UInt32.self)) }
    var word: UInt32 = 0
    for (index, byte) in bytes.enumerated() { word |= UInt32(byte) << UInt32(8 * index) }
    return word
}

private struct State {
    var a: UInt32
    var b: UInt32
    var c: UInt32

    init(length: Int) {
        a = 0x9e37_79b9 &+ UInt32(truncatingIfNeeded: length) &+ 3_923_095
        b = a
        c = a
    }

    /// Takes all whole blocks of twelve bytes and returns what is left.
    @inline(__always)
    mutating func take(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        guard var next = bytes.baseAddress else { return bytes }
        let end = unsafe next + bytes.count
        while unsafe end - next >= 12 {
            unsafe a &+= UInt32(littleEndian: next.loadUnaligned(as: UInt32.self))
            unsafe b &+= UInt32(littleEndian: next.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
            unsafe c &+= UInt32(littleEndian: next.loadUnaligned(fromByteOffset: 8, as: UInt32.self))
            mix()
            unsafe next += 12
        }
        return unsafe UnsafeRawBufferPointer(start: next, count: end - next)
    }

    /// Up to eleven bytes; the lowest of `c` is kept for the length.
    mutating func takeLast(_ bytes: UnsafeRawBufferPointer) {
        a &+= word(bytes)
        if bytes.count > 4 { b &+= word(UnsafeRawBufferPointer(rebasing: bytes[4...])) }
        if bytes.count > 8 { c &+= word(UnsafeRawBufferPointer(rebasing: bytes[8...])) << 8 }
    }

    @inline(__always)
    mutating func mix() {
        a = (a &- c) ^ rotated(c, 4)
        c &+= b
        b = (b &- a) ^ rotated(a, 6)
        a &+= c
        c = (c &- b) ^ rotated(b, 8)
        b &+= a
        a = (a &- c) ^ rotated(c, 16)
        c &+= b
        b = (b &- a) ^ rotated(a, 19)
        a &+= c
        c = (c &- b) ^ rotated(b, 4)
        b &+= a
    }

    @inline(__always)
    mutating func final() -> UInt64 {
        c = (c ^ b) &- rotated(b, 14)
        a = (a ^ c) &- rotated(c, 11)
        b = (b ^ a) &- rotated(a, 25)
        c = (c ^ b) &- rotated(b, 16)
        a = (a ^ c) &- rotated(c, 4)
        b = (b ^ a) &- rotated(a, 14)
        c = (c ^ b) &- rotated(b, 24)
        return UInt64(b) << 32 | UInt64(c)
    }
}

@inline(__always)
private func rotated(_ word: UInt32, _ bits: UInt32) -> UInt32 { word &<< bits | word &>> (32 &- bits) }
