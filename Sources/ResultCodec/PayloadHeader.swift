import Checksum

/// The 14 bytes in front of every body: they say how to read it, and refuse it where it is not what was written.
///
/// Little-endian: 0 magic `N`; 1 version; 2 codec; 3 reserved, 0; 4..5 count; 6..9 length of the body when
/// decompressed; 10..13 checksum of bytes 0..<10 followed by the stored body.
struct PayloadHeader: Equatable {
    static let byteCount = 14
    static let magic = UInt8(ascii: "N")
    static let version: UInt8 = 1
    /// What 16 bits can count.
    static let longestList = Int(UInt16.max)

    private static let checksumOffset = 10
    private static let checksumByteCount = 4

    let codec: PayloadCodec
    let count: Int
    let rawLength: Int
}

extension PayloadHeader {
    /// Overwrites `payload` with this header and `body`.
    func write(_ body: [UInt8], into payload: inout [UInt8]) {
        payload.removeAll(keepingCapacity: true)
        payload.reserveCapacity(Self.byteCount + body.count)
        // The checked bytes come first with the checksum's room in front, so that they lie in one piece to be hashed.
        payload.append(contentsOf: repeatElement(0, count: Self.checksumByteCount))
        payload.append(Self.magic)
        payload.append(Self.version)
        payload.append(codec.rawValue)
        payload.append(0)
        withUnsafeBytes(of: UInt16(count).littleEndian) { payload.append(contentsOf: $0) }
        withUnsafeBytes(of: UInt32(rawLength).littleEndian) { payload.append(contentsOf: $0) }
        payload.append(contentsOf: body)
        payload.withUnsafeMutableBytes { bytes in
            let checksum = Checksum.short(UnsafeRawBufferPointer(rebasing: bytes[Self.checksumByteCount...]))
            for offset in 0..<Self.checksumOffset { bytes[offset] = bytes[offset + Self.checksumByteCount] }
            bytes.storeBytes(of: checksum.littleEndian, toByteOffset: Self.checksumOffset, as: UInt32.self)
        }
    }

    /// Reads and checks the header; whether the body keeps its lengths is for the codec to say.
    ///
    /// The checksum is judged before the codec: a damaged codec byte should not read as "written by a newer Nearline".
    init(reading payload: UnsafeRawBufferPointer) throws(PayloadError) {
        guard payload.count >= Self.byteCount else { throw .tooShort(byteCount: payload.count) }
        guard payload[0] == Self.magic else { throw .badMagic(payload[0]) }
        guard payload[1] == Self.version else { throw .unknownVersion(payload[1]) }
        let stored = UInt32(
            littleEndian: payload.loadUnaligned(fromByteOffset: Self.checksumOffset, as: UInt32.self))
        let computed = Self.checksum(of: payload)
        guard stored == computed else { throw .checksumMismatch(stored: stored, computed: computed) }
        guard let codec = PayloadCodec(rawValue: payload[2]) else { throw .unknownCodec(payload[2]) }
        guard payload[3] == 0 else { throw .reservedByteInUse(payload[3]) }
        self.codec = codec
        count = Int(UInt16(littleEndian: payload.loadUnaligned(fromByteOffset: 4, as: UInt16.self)))
        rawLength = Int(UInt32(littleEndian: payload.loadUnaligned(fromByteOffset: 6, as: UInt32.self)))
    }

    /// The checksum that a payload of at least ``byteCount`` bytes should have stored.
    static func checksum(of payload: UnsafeRawBufferPointer) -> UInt32 {
        let byteCount = payload.count - checksumByteCount
        return withUnsafeTemporaryAllocation(byteCount: byteCount, alignment: 8) { checked in
            checked.copyMemory(from: UnsafeRawBufferPointer(rebasing: payload[..<checksumOffset]))
            UnsafeMutableRawBufferPointer(rebasing: checked[checksumOffset...])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: payload[Self.byteCount...]))
            return Checksum.short(UnsafeRawBufferPointer(checked))
        }
    }
}
