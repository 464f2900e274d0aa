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

    /// nil where the dictionary has no such row.
    @inline(__always)
    func key(_ row: UInt32) -> ItemKey? {
        let row = Int(row)
        guard row < count else { return nil }
        switch type {
        case .int: return .integer(Int64(Int32(bigEndian: load(4 * row))))
        case .bigint: return .integer(Int64(bigEndian: load(8 * row)))
        case .uuid: return .uuid(high: UInt64(bigEndian: load(16 * row)), low: UInt64(bigEndian: load(16 * row + 8)))
        case .text:
            let start = row == 0 ? 0 : ends[row - 1]
            return .text(String(decoding: bytes[start..<ends[row]], as: UTF8.self))
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
