import Domain

/// Item keys by row, as PostgreSQL's binary form has them: laid end to end, so that a million of them are one
/// allocation.
///
/// Immutable, and whoever owns the bytes is kept; so it may be read by any number of threads.
final class ItemDictionary: @unchecked Sendable {
    let count: Int
    private let type: IDType
    private let bytes: UnsafeRawBufferPointer
    /// Where each key of a text ends; empty where keys have a fixed width.
    private let ends: [Int]
    private let owner: AnyObject

    /// - Parameters:
    ///   - bytes: the keys, which `owner` keeps alive.
    ///   - ends: of keys of text.
    init(type: IDType, bytes: UnsafeRawBufferPointer, ends: [Int], owner: AnyObject) {
        self.type = type
        self.bytes = bytes
        self.ends = ends
        self.owner = owner
        count =
            switch type {
            case .int: bytes.count / 4
            case .bigint: bytes.count / 8
            case .uuid: bytes.count / 16
            case .text: ends.count
            }
    }

    /// Appends the places of a list, and returns the first row that is not in the dictionary.
    func name(_ list: ArraySlice<Candidate>, into places: inout [ListedItem]) -> UInt32? {
        if let stray = list.first(where: { $0.row >= count }) { return stray.row }
        places.reserveCapacity(list.count)
        // Once for the list, so that the loops are short.
        switch type {
        case .int: nameIntegers(list, into: &places) { Int64(Int32(bigEndian: load(4 * $0))) }
        case .bigint: nameIntegers(list, into: &places) { Int64(bigEndian: load(8 * $0)) }
        case .uuid:
            append(list, to: &places) { _, row in
                .uuid(high: UInt64(bigEndian: load(16 * row)), low: UInt64(bigEndian: load(16 * row + 8)))
            }
        case .text:
            append(list, to: &places) { _, row in
                let start = row == 0 ? 0 : ends[row - 1]
                return .text(String(decoding: bytes[start..<ends[row]], as: UTF8.self))
            }
        }
        return nil
    }

    /// Rows are all over the dictionary: reading the keys in a loop of its own lets the processor wait for many at
    /// once.
    @inline(__always)
    private func nameIntegers(
        _ list: ArraySlice<Candidate>, into places: inout [ListedItem], key: (Int) -> Int64
    ) {
        withUnsafeTemporaryAllocation(of: Int64.self, capacity: list.count) { keys in
            for (index, candidate) in list.enumerated() { keys[index] = key(Int(candidate.row)) }
            append(list, to: &places) { index, _ in .integer(keys[index]) }
        }
    }

    @inline(__always)
    private func append(
        _ list: ArraySlice<Candidate>, to places: inout [ListedItem], key: (Int, Int) -> ItemKey
    ) {
        for (index, candidate) in list.enumerated() {
            places.append(
                ListedItem(
                    rank: index + 1, item: key(index, Int(candidate.row)), score: candidate.score,
                    source: ItemSource(candidate.source)))
        }
    }

    @inline(__always)
    private func load<T: BitwiseCopyable>(_ offset: Int) -> T {
        bytes.loadUnaligned(fromByteOffset: offset, as: T.self)
    }
}

/// Bytes that a dictionary was gathered in.
final class OwnedBytes {
    let buffer: UnsafeMutableRawBufferPointer

    init(_ bytes: [UInt8]) {
        buffer = .allocate(byteCount: bytes.count, alignment: 16)
        buffer.copyBytes(from: bytes)
    }

    deinit { buffer.deallocate() }
}

extension ItemDictionary {
    convenience init(type: IDType, gathered bytes: [UInt8], ends: [Int]) {
        let owner = OwnedBytes(bytes)
        self.init(type: type, bytes: UnsafeRawBufferPointer(owner.buffer), ends: ends, owner: owner)
    }
}
