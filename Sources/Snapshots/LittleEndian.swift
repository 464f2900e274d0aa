import Glibc

extension [UInt8] {
    /// Appends the bytes of an integer, lowest first.
    mutating func append(littleEndian value: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
    }

    /// Appends a length in seven bits a byte, lowest first.
    mutating func append(leb128 length: Int) {
        var rest = length
        while rest >= 0x80 {
            append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        append(UInt8(rest))
    }
}

extension UnsafeRawBufferPointer {
    /// The integer at `offset`; nil where it does not lie within the bytes.
    func integer<T: FixedWidthInteger & BitwiseCopyable>(_: T.Type, at offset: Int) -> T? {
        guard offset >= 0, offset <= count - MemoryLayout<T>.size else { return nil }
        return T(littleEndian: loadUnaligned(fromByteOffset: offset, as: T.self))
    }

    /// The length at `offset`, which moves behind it; nil where it is cut off or takes more than five bytes.
    func length(at offset: inout Int) -> Int? {
        var value = 0
        for shift in stride(from: 0, to: 35, by: 7) {
            guard offset < count else { return nil }
            let byte = self[offset]
            offset += 1
            value |= Int(byte & 0x7F) << shift
            if byte < 0x80 { return value }
        }
        return nil
    }

    /// The next `length` bytes, which `offset` moves behind; nil where they are not all there.
    func slice(_ length: Int, at offset: inout Int) -> UnsafeRawBufferPointer? {
        guard length >= 0, offset >= 0, offset <= count, length <= count - offset else { return nil }
        defer { offset += length }
        return UnsafeRawBufferPointer(rebasing: self[offset..<offset + length])
    }

    func holdsSame(as other: UnsafeRawBufferPointer) -> Bool {
        // Empty bytes may have no address.
        count == other.count && (count == 0 || memcmp(baseAddress!, other.baseAddress!, count) == 0)
    }
}
