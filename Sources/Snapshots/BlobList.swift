/// Byte strings by number, laid end to end: item keys, cluster names, payloads of transitions.
///
/// Count (8 bytes); where lengths vary, `count + 1` ends (8 bytes each, the first 0); the bytes.
struct BlobList {
    /// Bytes of each; nil where lengths vary.
    let width: Int?
    let count: Int
    private let ends: UnsafeRawBufferPointer
    private let blobs: UnsafeRawBufferPointer

    /// nil where the bytes are not exactly such a list; single ends are judged when they are used.
    init?(_ bytes: UnsafeRawBufferPointer, width: Int?) {
        var offset = 8
        guard let stated = bytes.integer(UInt64.self, at: 0), let count = Int(exactly: stated),
            count <= bytes.count
        else { return nil }
        self.width = width
        self.count = count
        guard let ends = bytes.slice(width == nil ? 8 * (count + 1) : 0, at: &offset),
            let blobs = bytes.slice(bytes.count - offset, at: &offset)
        else { return nil }
        (self.ends, self.blobs) = (ends, blobs)
        if let width, blobs.count != count * width { return nil }
        if width == nil, end(0) != 0 || end(count) != blobs.count { return nil }
    }

    /// nil where there is no such number.
    subscript(number: Int) -> UnsafeRawBufferPointer? {
        guard number >= 0, number < count else { return nil }
        let start: Int
        let stop: Int
        if let width {
            (start, stop) = (number * width, (number + 1) * width)
        } else {
            (start, stop) = (end(number), end(number + 1))
        }
        guard start >= 0, start <= stop, stop <= blobs.count else { return nil }
        return UnsafeRawBufferPointer(rebasing: blobs[start..<stop])
    }

    /// All strings end to end, and where each ends (nothing, where the width is fixed); nil where the ends do not
    /// ascend.
    var whole: (bytes: UnsafeRawBufferPointer, ends: [Int])? {
        guard width == nil else { return (blobs, []) }
        let all = (0...count).map { end($0) }
        guard zip(all, all.dropFirst()).allSatisfy({ $0 <= $1 }) else { return nil }
        return (blobs, Array(all.dropFirst()))
    }

    /// -1 for what is no place at all.
    private func end(_ index: Int) -> Int { Int(exactly: ends.integer(UInt64.self, at: 8 * index)!) ?? -1 }
}

/// Gathers a ``BlobList`` in memory.
struct BlobListBuilder {
    let width: Int?
    private(set) var count = 0
    private var ends: [UInt64] = [0]
    private var blobs: [UInt8] = []

    init(width: Int?) { self.width = width }

    mutating func append(_ blob: UnsafeRawBufferPointer) {
        precondition(width == nil || width == blob.count, "the caller has checked the width")
        blobs.append(contentsOf: blob)
        count += 1
        if width == nil { ends.append(UInt64(blobs.count)) }
    }

    var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(8 + 8 * ends.count + blobs.count)
        bytes.append(littleEndian: UInt64(count))
        if width == nil { for end in ends { bytes.append(littleEndian: end) } }
        return bytes + blobs
    }
}
