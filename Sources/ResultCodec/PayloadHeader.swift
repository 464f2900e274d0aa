import Checksum

/// What stands in front of every body: it says how to read it, and refuses it where it is not what was written.
///
/// Version 2, little-endian: 0 magic `N`; 1 version; 2 codec; 3..4 count; 5..7 length of the body when decompressed;
/// 8..11 checksum of bytes 0..<8 followed by the stored body, the low half of what `hash_array_extended` makes of it,
/// so that SQL can compute it too. Version 1, which is read but no longer written: 0 magic; 1 version; 2 codec;
/// 3 reserved, 0; 4..5 count; 6..9 length; 10..13 the low half of XXH3 of bytes 0..<10 and the body.
struct PayloadHeader: Equatable {
    static let magic = UInt8(ascii: "N")
    static let version: UInt8 = 2
    static let oldVersion: UInt8 = 1
    static let byteCount = 12
    static let checksumOffset = 8
    static let oldByteCount = 14
    /// What 16 bits can count.
    static let longestList = Int(UInt16.max)

    let codec: PayloadCodec
    let count: Int
    let rawLength: Int
    /// Where the body begins.
    var bodyOffset = PayloadHeader.byteCount
}

extension PayloadHeader {
    /// Overwrites `payload` with this header and `body`.
    ///
    /// - Parameter isSealed: whether the checksum is written, and not left to ``PayloadSeal``.
    func write(_ body: UnsafeRawBufferPointer, into payload: inout [UInt8], isSealed: Bool) {
        let byteCount = Self.byteCount + body.count
        if payload.count < byteCount {
            payload.append(contentsOf: repeatElement(0, count: byteCount - payload.count))
        } else {
            payload.removeLast(payload.count - byteCount)
        }
        let prefix =
            UInt64(Self.magic) | UInt64(Self.version) << 8 | UInt64(codec.rawValue) << 16 | UInt64(count) << 24
            | UInt64(rawLength) << 40
        payload.withUnsafeMutableBytes { bytes in
            unsafe bytes.storeBytes(of: prefix.littleEndian, as: UInt64.self)
            let checksum = isSealed ? Self.checksum(prefix: prefix, body) : 0
            unsafe bytes.storeBytes(of: checksum.littleEndian, toByteOffset: Self.checksumOffset, as: UInt32.self)
            unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[Self.byteCount...]).copyMemory(from: body)
        }
    }

    /// Reads and checks the header; whether the body keeps its lengths is for the codec to say.
    ///
    /// The checksum is judged before the codec: a damaged codec byte should not read as "written by a newer Nearline".
    init(reading payload: UnsafeRawBufferPointer) throws(PayloadError) {
        guard payload.count >= Self.byteCount else { throw .tooShort(byteCount: payload.count) }
        guard unsafe payload[0] == Self.magic else { throw .badMagic(payload[0]) }
        switch unsafe payload[1] {
        case Self.version: try self.init(readingNew: payload)
        case Self.oldVersion: try self.init(readingOld: payload)
        case let other: throw .unknownVersion(other)
        }
    }

    private init(readingNew payload: UnsafeRawBufferPointer) throws(PayloadError) {
        let prefix = UInt64(littleEndian: unsafe payload.loadUnaligned(as: UInt64.self))
        let stored = UInt32(
            littleEndian: unsafe payload.loadUnaligned(fromByteOffset: Self.checksumOffset, as: UInt32.self))
        let body = UnsafeRawBufferPointer(rebasing: payload[Self.byteCount...])
        let computed = Self.checksum(prefix: prefix, body)
        guard stored == computed else { throw .checksumMismatch(stored: stored, computed: computed) }
        guard let codec = unsafe PayloadCodec(rawValue: payload[2]) else { throw .unknownCodec(payload[2]) }
        self.codec = codec
        count = Int(truncatingIfNeeded: prefix >> 24 & 0xFFFF)
        rawLength = Int(truncatingIfNeeded: prefix >> 40)
    }

    static func checksum(prefix: UInt64, _ body: UnsafeRawBufferPointer) -> UInt32 {
        UInt32(truncatingIfNeeded: Lookup3.hashOfArray(element: Lookup3.hash(prefix: prefix, body)))
    }
}

// MARK: - version 1

extension PayloadHeader {
    private static let oldChecksumOffset = 10

    private init(readingOld payload: UnsafeRawBufferPointer) throws(PayloadError) {
        guard payload.count >= Self.oldByteCount else { throw .tooShort(byteCount: payload.count) }
        let stored = UInt32(
            littleEndian: unsafe payload.loadUnaligned(fromByteOffset: Self.oldChecksumOffset, as: UInt32.self))
        let computed = Self.oldChecksum(of: payload)
        guard stored == computed else { throw .checksumMismatch(stored: stored, computed: computed) }
        // Version 1 ends with codec 2.
        guard let codec = unsafe PayloadCodec(rawValue: payload[2]), codec.rawValue <= 2 else {
            throw .unknownCodec(payload[2])
        }
        guard unsafe payload[3] == 0 else { throw .reservedByteInUse(payload[3]) }
        self.codec = codec
        count = Int(UInt16(littleEndian: unsafe payload.loadUnaligned(fromByteOffset: 4, as: UInt16.self)))
        rawLength = Int(UInt32(littleEndian: unsafe payload.loadUnaligned(fromByteOffset: 6, as: UInt32.self)))
        bodyOffset = Self.oldByteCount
    }

    /// The checksum that a payload of at least ``oldByteCount`` bytes should have stored.
    private static func oldChecksum(of payload: UnsafeRawBufferPointer) -> UInt32 {
        let byteCount = payload.count - (oldByteCount - oldChecksumOffset)
        return withUnsafeTemporaryAllocation(byteCount: byteCount, alignment: 8) { checked in
            checked.copyMemory(from: UnsafeRawBufferPointer(rebasing: payload[..<oldChecksumOffset]))
            UnsafeMutableRawBufferPointer(rebasing: checked[oldChecksumOffset...])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: payload[oldByteCount...]))
            return Checksum.short(UnsafeRawBufferPointer(checked))
        }
    }
}
