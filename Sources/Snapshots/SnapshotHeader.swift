import Checksum

/// The parts of a snapshot, in the order in which they lie in the file. Raw values are stored: never renumber them.
package enum SnapshotSection: Int, Sendable, CaseIterable {
    case records, userIndex, facts, fallback, payloadDictionary, items, clusters, transitions
}

/// The bytes in front: what the file is, where its sections lie, and their checksums. See docs/snapshot-format.md.
struct SnapshotHeader {
    /// As in PNG: a byte above 127, a name, and both kinds of line end, which any conversion of text would spoil.
    static let magic: [UInt8] = [0x89, 0x4E, 0x4C, 0x53, 0x0D, 0x0A, 0x1A, 0x0A]
    static let version: UInt32 = 1
    static let byteOrder: UInt32 = 0x0102_0304
    static let byteCount = checksumOffset + 8
    static let alignment = 8

    private static let sectionsOffset = 32
    private static let sectionByteCount = 24
    private static let checksumOffset = sectionsOffset + SnapshotSection.allCases.count * sectionByteCount

    struct Place {
        var offset: Int
        var length: Int
        /// 0 for the records, each of which carries its own.
        var checksum: UInt64

        /// Where the next section begins.
        var paddedEnd: Int { SnapshotHeader.aligned(offset + length) }
    }

    /// By raw value of the section.
    var places: [Place]

    static func aligned(_ offset: Int) -> Int { (offset + alignment - 1) / alignment * alignment }

    var bytes: [UInt8] {
        var bytes = Self.magic
        bytes.append(littleEndian: Self.version)
        bytes.append(littleEndian: Self.byteOrder)
        bytes.append(littleEndian: UInt64(places.last!.paddedEnd))
        bytes.append(littleEndian: UInt64(places.count))
        for place in places {
            bytes.append(littleEndian: UInt64(place.offset))
            bytes.append(littleEndian: UInt64(place.length))
            bytes.append(littleEndian: place.checksum)
        }
        bytes.append(littleEndian: bytes.withUnsafeBytes { Checksum.xxh3($0) })
        return bytes
    }

    /// Reads the header and checks that the sections fill the file, one behind the other.
    init(reading file: UnsafeRawBufferPointer, path: String) throws(SnapshotError) {
        guard file.count >= Self.magic.count, file.starts(with: Self.magic) else { throw .notASnapshot(path: path) }
        guard let version = file.integer(UInt32.self, at: 8), let order = file.integer(UInt32.self, at: 12) else {
            throw .damagedHeader(path: path)
        }
        guard order == Self.byteOrder else {
            throw order == Self.byteOrder.byteSwapped ? .otherByteOrder(path: path) : .damagedHeader(path: path)
        }
        guard version == Self.version else { throw .unknownVersion(path: path, found: version) }
        guard file.count >= Self.byteCount else {
            throw .wrongLength(path: path, stated: UInt64(Self.byteCount), found: file.count)
        }
        let checked = UnsafeRawBufferPointer(rebasing: file[..<Self.checksumOffset])
        guard file.integer(UInt64.self, at: Self.checksumOffset) == Checksum.xxh3(checked),
            file.integer(UInt64.self, at: 24) == UInt64(SnapshotSection.allCases.count)
        else { throw .damagedHeader(path: path) }
        let stated = file.integer(UInt64.self, at: 16)!
        guard stated == UInt64(file.count) else { throw .wrongLength(path: path, stated: stated, found: file.count) }
        places = try Self.places(file, path: path)
    }

    init(places: [Place]) { self.places = places }

    private static func places(_ file: UnsafeRawBufferPointer, path: String) throws(SnapshotError) -> [Place] {
        var places: [Place] = []
        var end = byteCount
        for section in SnapshotSection.allCases {
            let at = sectionsOffset + section.rawValue * sectionByteCount
            guard let offset = Int(exactly: file.integer(UInt64.self, at: at)!), offset == end,
                let length = Int(exactly: file.integer(UInt64.self, at: at + 8)!), length <= file.count - offset
            else { throw .damagedHeader(path: path) }
            let place = Place(offset: offset, length: length, checksum: file.integer(UInt64.self, at: at + 16)!)
            end = place.paddedEnd
            // The padding too, so that there is no byte in the file that nobody looks at.
            guard end <= file.count, file[(offset + length)..<end].allSatisfy({ $0 == 0 }) else {
                throw .damagedSection(path: path, section)
            }
            places.append(place)
        }
        guard end == file.count else { throw .damagedHeader(path: path) }
        return places
    }
}
