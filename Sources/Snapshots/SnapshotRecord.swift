import Checksum

/// One user's key and payload as they lie in the file: the key (text: its length in LEB128 first), the payload's length
/// in LEB128, the payload, and 4 bytes of checksum over all of that, mixed with the file's own seed and the record's
/// place: two records that have changed places are damage too.
struct SnapshotRecord {
    let key: UnsafeRawBufferPointer
    let payload: UnsafeRawBufferPointer
    /// Where the next record begins.
    let end: Int

    static let checksumByteCount = 4

    /// The record at `offset` of `records`; nil where there is none, or it is not what was written.
    init?(_ records: UnsafeRawBufferPointer, at offset: Int, keyWidth: Int?, seed: UInt32) {
        guard offset >= 0, offset < records.count else { return nil }
        var place = offset
        guard let keyLength = keyWidth ?? records.length(at: &place),
            let key = records.slice(keyLength, at: &place), let payloadLength = records.length(at: &place),
            let payload = records.slice(payloadLength, at: &place),
            let stored = records.integer(UInt32.self, at: place),
            stored == Checksum.short(UnsafeRawBufferPointer(rebasing: records[offset..<place]))
                ^ Self.mark(seed, offset)
        else { return nil }
        self.key = key
        self.payload = payload
        end = place + Self.checksumByteCount
    }

    /// Appends to `buffer` the record that is to lie at `offset` of the section.
    static func append(
        key: UnsafeRawBufferPointer, payload: UnsafeRawBufferPointer, at offset: Int, keyWidth: Int?, seed: UInt32,
        to buffer: inout [UInt8]
    ) {
        let start = buffer.count
        if keyWidth == nil { buffer.append(leb128: key.count) }
        buffer.append(contentsOf: key)
        buffer.append(leb128: payload.count)
        buffer.append(contentsOf: payload)
        let checksum = buffer.withUnsafeBytes { Checksum.short(UnsafeRawBufferPointer(rebasing: $0[start...])) }
        buffer.append(littleEndian: checksum ^ mark(seed, offset))
    }

    private static func mark(_ seed: UInt32, _ offset: Int) -> UInt32 { seed ^ UInt32(truncatingIfNeeded: offset) }
}
