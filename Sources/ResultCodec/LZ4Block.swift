import CLZ4

/// LZ4 blocks: the only place where the C library is called.
enum LZ4Block {
    /// Overwrites `block` with the compressed `raw`. The same bytes give the same block under one version of liblz4.
    static func compress(_ raw: [UInt8], into block: inout [UInt8]) {
        let bound = Int(LZ4_compressBound(Int32(raw.count)))
        if block.count < bound { block.append(contentsOf: repeatElement(0, count: bound - block.count)) }
        let written = unsafe raw.withUnsafeBytes { source in
            unsafe block.withUnsafeMutableBytes { target in
                unsafe LZ4_compress_default(
                    source.baseAddress, target.baseAddress, Int32(source.count), Int32(target.count))
            }
        }
        precondition(written > 0, "a block of LZ4_compressBound bytes holds any input")
        block.removeLast(block.count - Int(written))
    }

    /// Whether `block` is well-formed and decompresses to exactly fill `raw`; reads and writes nothing outside the two.
    static func decompress(_ block: UnsafeRawBufferPointer, into raw: UnsafeMutableRawBufferPointer) -> Bool {
        guard let blockSize = Int32(exactly: block.count), let rawSize = Int32(exactly: raw.count) else { return false }
        return unsafe LZ4_decompress_safe(block.baseAddress, raw.baseAddress, blockSize, rawSize) == rawSize
    }
}
