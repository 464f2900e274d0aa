import Domain

/// Reads payloads of any version and codec back into ranked lists, and refuses, with the reason, what is not one.
///
/// Whatever the bytes, nothing outside them is read. A repeated row is not looked for: writers refuse it, and the checksum
/// says that these are the bytes of a writer.
package enum PayloadDecoder {
    /// The candidates of `payload`, best first; scores come back as the nearest float16.
    package static func decode(
        _ payload: UnsafeRawBufferPointer, dictionary: PayloadDictionary? = nil
    ) throws(PayloadError) -> [Candidate] {
        var list: [Candidate] = []
        try decode(payload, dictionary: dictionary, into: &list)
        return list
    }

    package static func decode(
        _ payload: [UInt8], dictionary: PayloadDictionary? = nil
    ) throws(PayloadError) -> [Candidate] {
        var list: [Candidate] = []
        try decode(payload, dictionary: dictionary, into: &list)
        return list
    }

    package static func decode(
        _ payload: [UInt8], dictionary: PayloadDictionary? = nil, into list: inout [Candidate]
    ) throws(PayloadError) {
        try payload.span.bytes.withUnsafeBytes { (bytes) throws(PayloadError) in
            try decode(bytes, dictionary: dictionary, into: &list)
        }
    }

    /// Overwrites `list`, keeping its memory; where it throws, `list` is empty.
    package static func decode(
        _ payload: UnsafeRawBufferPointer, dictionary: PayloadDictionary? = nil, into list: inout [Candidate]
    ) throws(PayloadError) {
        do {
            let header = try PayloadHeader(reading: payload)
            let body = UnsafeRawBufferPointer(rebasing: payload[header.bodyOffset...])
            try expectLengths(header, body.count)
            resize(&list, to: header.count)
            try list.withUnsafeMutableBufferPointer { (list) throws(PayloadError) in
                try read(body, header, dictionary, into: list)
            }
        } catch {
            list.removeAll(keepingCapacity: true)
            throw error
        }
    }

    private static func resize(_ list: inout [Candidate], to count: Int) {
        if list.count >= count { return list.removeLast(list.count - count) }
        let anything = Candidate(row: 0, score: 0, source: .model)
        list.append(contentsOf: repeatElement(anything, count: count - list.count))
    }

    private static func expectLengths(_ header: PayloadHeader, _ stored: Int) throws(PayloadError) {
        if !header.codec.isCompressed { try expect(header.rawLength, stored, header.codec) }
        if header.codec.isPlanes {
            try expect(BytePlanes.bytesPerCandidate * header.count, header.rawLength, header.codec)
        }
    }

    private static func expect(_ expected: Int, _ found: Int, _ codec: PayloadCodec) throws(PayloadError) {
        guard expected == found else { throw .lengthMismatch(codec, expected: expected, found: found) }
    }

    private static func read(
        _ body: UnsafeRawBufferPointer, _ header: PayloadHeader, _ dictionary: PayloadDictionary?,
        into list: UnsafeMutableBufferPointer<Candidate>
    ) throws(PayloadError) {
        switch header.codec {
        case .planes: try BytePlanes.read(body, into: list)
        case .packed: try PackedBody.read(body, into: list)
        case .compressedPlanes: try readPlanes(body, nil, into: list)
        case .sharedPlanes:
            guard body.count >= 4 else { throw .lengthMismatch(.sharedPlanes, expected: 4, found: body.count) }
            let id = UInt32(littleEndian: unsafe body.loadUnaligned(as: UInt32.self))
            guard let dictionary, dictionary.id == id else { throw .missingDictionary(id) }
            try readPlanes(UnsafeRawBufferPointer(rebasing: body[4...]), dictionary, into: list)
        case .bands: try readBands(body, into: list)
        }
    }

    private static func readPlanes(
        _ block: UnsafeRawBufferPointer, _ dictionary: PayloadDictionary?,
        into list: UnsafeMutableBufferPointer<Candidate>
    ) throws(PayloadError) {
        let rawLength = BytePlanes.bytesPerCandidate * list.count
        try withUnsafeTemporaryAllocation(byteCount: rawLength, alignment: 1) { (planes) throws(PayloadError) in
            let isWhole =
                dictionary?.bytes.withUnsafeBytes { LZ4Block.decompress(block, with: $0, into: planes) }
                ?? LZ4Block.decompress(block, into: planes)
            guard isWhole else { throw .brokenCompression(rawLength: rawLength) }
            try BytePlanes.read(UnsafeRawBufferPointer(planes), into: list)
        }
    }

    /// A copy with zeros behind it: the reader of bits loads eight bytes at a time.
    private static func readBands(
        _ body: UnsafeRawBufferPointer, into list: UnsafeMutableBufferPointer<Candidate>
    ) throws(PayloadError) {
        try withUnsafeTemporaryAllocation(byteCount: body.count + 8, alignment: 8) { (copy) throws(PayloadError) in
            copy.copyMemory(from: body)
            unsafe copy.storeBytes(of: 0, toByteOffset: body.count, as: UInt64.self)
            try unsafe BandReader.read(UnsafeRawPointer(copy.baseAddress!), byteCount: body.count, into: list)
        }
    }
}
