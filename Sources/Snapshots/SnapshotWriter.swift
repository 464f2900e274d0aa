import Checksum
import Domain

/// Writes one snapshot file: users as they come, 16 bytes of memory for each, then what belongs to the whole release.
///
/// Nothing is at the file's place before ``finish()``; a writer that is let go before, or that fails, leaves nothing,
/// and a killed one a `.partial` file that the next writer of that name replaces. The same calls give the same bytes.
package final class SnapshotWriter {
    package private(set) var users = 0
    private let path: String
    private let facts: SnapshotFacts
    private let file: PartialFile
    private let seed: UInt32
    private var index = UserIndexBuilder()
    private var items: BlobListBuilder
    private var clusters = BlobListBuilder(width: nil)
    private var transitions: [(key: Int64, payload: [UInt8])] = []
    private var fallback: [UInt8] = []
    private var payloadDictionary: [UInt8] = []

    package init(path: String, facts: SnapshotFacts) throws(SnapshotWriteError) {
        self.path = path
        self.facts = facts
        seed = facts.recordSeed
        items = BlobListBuilder(width: facts.itemType.keyWidth)
        file = try PartialFile(path: path)
        // The header's room: it is known only at the end.
        try file.append([UInt8](repeating: 0, count: SnapshotHeader.byteCount))
    }

    /// Adds a user, in any order, by the key in PostgreSQL's binary form, as a COPY hands it out.
    package func add(user key: UnsafeRawBufferPointer, payload: UnsafeRawBufferPointer) throws(SnapshotWriteError) {
        let width = facts.userType.keyWidth
        guard width == nil || width == key.count else {
            throw .badKey(path: path, record: users, byteCount: key.count)
        }
        let offset = file.byteCount - SnapshotHeader.byteCount
        guard offset <= UserIndex.largestOffset, max(key.count, payload.count) <= UInt32.max else {
            throw .tooLarge(path: path, what: "the section of records")
        }
        try file.append {
            SnapshotRecord.append(key: key, payload: payload, at: offset, keyWidth: width, seed: seed, to: &$0)
        }
        index.append(hash: Checksum.xxh3(key), offset: offset)
        users += 1
    }

    package func add(user: ExternalID, payload: [UInt8]) throws(SnapshotWriteError) {
        var key: [UInt8] = []
        user.appendBinary(to: &key, type: facts.userType)
        try key.span.bytes.withUnsafeBytes { (key) throws(SnapshotWriteError) in
            try payload.span.bytes.withUnsafeBytes { (payload) throws(SnapshotWriteError) in
                try add(user: key, payload: payload)
            }
        }
    }

    /// Adds the key of the next item row, in PostgreSQL's binary form.
    package func add(item key: UnsafeRawBufferPointer) throws(SnapshotWriteError) {
        guard items.width == nil || items.width == key.count else {
            throw .badKey(path: path, record: items.count, byteCount: key.count)
        }
        items.append(key)
    }

    package func add(item: ExternalID) throws(SnapshotWriteError) {
        var key: [UInt8] = []
        item.appendBinary(to: &key, type: facts.itemType)
        try key.span.bytes.withUnsafeBytes { (key) throws(SnapshotWriteError) in try add(item: key) }
    }

    /// Adds the name of the next cluster.
    package func add(cluster name: String) { Array(name.utf8).withUnsafeBytes { clusters.append($0) } }

    /// Adds what the clusters of this key are followed by, in any order.
    package func add(transition key: Int64, payload: [UInt8]) { transitions.append((key, payload)) }

    /// The list of users who have none.
    package func set(fallback payload: [UInt8]) { fallback = payload }

    package func set(payloadDictionary bytes: [UInt8]) { payloadDictionary = bytes }

    /// Writes the rest and puts the file at its place. Returns its size.
    @discardableResult
    package func finish() throws(SnapshotWriteError) -> Int {
        do throws(SnapshotWriteError) {
            try writeRest()
            try file.commit()
        } catch {
            file.abandon()
            throw error
        }
        return file.byteCount
    }

    private func writeRest() throws(SnapshotWriteError) {
        var places: [SnapshotHeader.Place] = []
        for section in SnapshotSection.allCases {
            let start = section == .records ? SnapshotHeader.byteCount : file.byteCount
            try write(section)
            places.append(.init(offset: start, length: file.byteCount - start, checksum: 0))
            try file.pad(to: SnapshotHeader.alignment)
        }
        // What was written is read back, and so comes from the file itself.
        try file.withContents { (bytes) throws(SnapshotWriteError) in
            for section in SnapshotSection.allCases where section != .records {
                let place = places[section.rawValue]
                places[section.rawValue].checksum = Checksum.xxh3(
                    UnsafeRawBufferPointer(rebasing: bytes[place.offset..<place.offset + place.length]))
            }
        }
        try file.write(SnapshotHeader(places: places).bytes, at: 0)
    }

    private func write(_ section: SnapshotSection) throws(SnapshotWriteError) {
        switch section {
        case .records: break
        case .userIndex: try writeIndex()
        case .facts: try file.append(facts.bytes(users: users))
        case .fallback: try file.append(fallback)
        case .payloadDictionary: try file.append(payloadDictionary)
        case .items: try file.append(items.bytes)
        case .clusters: try file.append(clusters.bytes)
        case .transitions: try writeTransitions()
        }
    }

    private func writeIndex() throws(SnapshotWriteError) {
        index.sort()
        try refuseDuplicates()
        try index.write { (piece) throws(SnapshotWriteError) in try file.append(piece) }
    }

    /// Equal keys have equal hashes, so they stand in one run of the sorted index.
    private func refuseDuplicates() throws(SnapshotWriteError) {
        let entries = index.entries
        guard zip(entries, entries.dropFirst()).contains(where: { $0.hash == $1.hash }) else { return }
        try file.withContents { (bytes) throws(SnapshotWriteError) in
            let records = UnsafeRawBufferPointer(rebasing: bytes[SnapshotHeader.byteCount...])
            func key(_ entry: UserIndexBuilder.Entry) -> UnsafeRawBufferPointer {
                SnapshotRecord(records, at: entry.offset, keyWidth: facts.userType.keyWidth, seed: seed)!.key
            }
            for (place, entry) in entries.enumerated() {
                for other in entries[(place + 1)...].prefix(while: { $0.hash == entry.hash })
                where key(entry).elementsEqual(key(other)) {
                    let record = entries.count { $0.offset < other.offset }
                    throw .duplicateUser(path: path, record: record)
                }
            }
        }
    }

    private func writeTransitions() throws(SnapshotWriteError) {
        transitions.sort { $0.key < $1.key }
        for (one, next) in zip(transitions, transitions.dropFirst()) where one.key == next.key {
            throw .duplicateTransition(path: path, key: one.key)
        }
        try file.append(TransitionTable.bytes(transitions))
    }
}
