import CLZ4

/// LZ4 blocks: the only place where the C library is called.
enum LZ4Block {
    /// Overwrites `block` with the compressed `raw`. The same bytes give the same block under one version of liblz4.
    static func compress(_ raw: [UInt8], into block: inout [UInt8]) {
        fill(&block, for: raw) { source, target in
            unsafe LZ4_compress_default(
                source.baseAddress, target.baseAddress, Int32(source.count), Int32(target.count))
        }
    }

    /// As ``compress(_:into:)``, with matches in the bytes of `dictionary` too.
    static func compress(_ raw: [UInt8], with dictionary: LoadedDictionary, into block: inout [UInt8]) {
        fill(&block, for: raw) { source, target in
            // A copy, because compressing changes the stream; liblz4 as distributions build it has no way to share one.
            withUnsafeTemporaryAllocation(of: LZ4_stream_t.self, capacity: 1) { stream in
                unsafe stream.baseAddress!.update(from: dictionary.stream, count: 1)
                return unsafe LZ4_compress_fast_continue(
                    stream.baseAddress, source.baseAddress, target.baseAddress, Int32(source.count),
                    Int32(target.count), 1)
            }
        }
    }

    private static func fill(
        _ block: inout [UInt8], for raw: [UInt8],
        by compress: (UnsafeRawBufferPointer, UnsafeMutableRawBufferPointer) -> Int32
    ) {
        let bound = Int(LZ4_compressBound(Int32(raw.count)))
        if block.count < bound { block.append(contentsOf: repeatElement(0, count: bound - block.count)) }
        let written = unsafe raw.withUnsafeBytes { source in
            unsafe block.withUnsafeMutableBytes { target in unsafe compress(source, target) }
        }
        precondition(written > 0, "a block of LZ4_compressBound bytes holds any input")
        block.removeLast(block.count - Int(written))
    }

    /// Whether `block` is well-formed and decompresses to exactly fill `raw`; reads and writes nothing outside the two
    /// and `dictionary`.
    static func decompress(
        _ block: UnsafeRawBufferPointer, with dictionary: UnsafeRawBufferPointer? = nil,
        into raw: UnsafeMutableRawBufferPointer
    ) -> Bool {
        guard let blockSize = Int32(exactly: block.count), let rawSize = Int32(exactly: raw.count) else { return false }
        guard let dictionary else {
            return unsafe LZ4_decompress_safe(block.baseAddress, raw.baseAddress, blockSize, rawSize) == rawSize
        }
        return unsafe LZ4_decompress_safe_usingDict(
            block.baseAddress, raw.baseAddress, blockSize, rawSize, dictionary.baseAddress, Int32(dictionary.count))
            == rawSize
    }
}

/// A dictionary with its table of matches, made once and copied for every list; nothing of it changes.
final class LoadedDictionary: @unchecked Sendable {
    let dictionary: PayloadDictionary
    fileprivate let stream: UnsafeMutablePointer<LZ4_stream_t>
    /// The stream points into these.
    private let bytes: UnsafeMutableRawBufferPointer

    init(_ dictionary: PayloadDictionary) {
        self.dictionary = dictionary
        bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, dictionary.bytes.count), alignment: 16)
        bytes.copyBytes(from: dictionary.bytes)
        stream = .allocate(capacity: 1)
        unsafe LZ4_initStream(stream, MemoryLayout<LZ4_stream_t>.size)
        unsafe LZ4_loadDict(stream, bytes.baseAddress, Int32(dictionary.bytes.count))
    }

    deinit {
        unsafe stream.deallocate()
        bytes.deallocate()
    }
}
