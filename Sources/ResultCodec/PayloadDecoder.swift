import Domain

/// Reads payloads of any codec back into ranked lists, and refuses, with the reason, what is not one.
///
/// Whatever the bytes, nothing outside them is read. A repeated row is not looked for: writers refuse it, and the checksum
/// says that these are the bytes of a writer.
package enum PayloadDecoder {
    /// The candidates of `payload`, best first; scores come back as the nearest float16.
    package static func decode(_ payload: UnsafeRawBufferPointer) throws(PayloadError) -> [Candidate] {
        let header = try PayloadHeader(reading: payload)
        let body = UnsafeRawBufferPointer(rebasing: payload[PayloadHeader.byteCount...])
        if header.codec != .compressedPlanes { try expect(header.rawLength, body.count, header.codec) }
        if header.codec != .packed {
            try expect(BytePlanes.bytesPerCandidate * header.count, header.rawLength, header.codec)
        }
        return switch header.codec {
        case .planes: try BytePlanes.read(body, count: header.count)
        case .packed: try PackedBody.read(body, count: header.count)
        case .compressedPlanes: try readCompressedPlanes(body, header)
        }
    }

    package static func decode(_ payload: [UInt8]) throws(PayloadError) -> [Candidate] {
        try payload.span.bytes.withUnsafeBytes { (bytes) throws(PayloadError) in try decode(bytes) }
    }

    private static func readCompressedPlanes(
        _ body: UnsafeRawBufferPointer, _ header: PayloadHeader
    ) throws(PayloadError) -> [Candidate] {
        try withUnsafeTemporaryAllocation(byteCount: header.rawLength, alignment: 1) {
            (planes) throws(PayloadError) in
            guard LZ4Block.decompress(body, into: planes) else {
                throw .brokenCompression(rawLength: header.rawLength)
            }
            return try BytePlanes.read(UnsafeRawBufferPointer(planes), count: header.count)
        }
    }

    private static func expect(_ expected: Int, _ found: Int, _ codec: PayloadCodec) throws(PayloadError) {
        guard expected == found else { throw .lengthMismatch(codec, expected: expected, found: found) }
    }
}
