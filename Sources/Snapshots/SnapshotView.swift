import Checksum
import Domain

/// The bytes of a snapshot, checked as far as lookups rely on them. Whatever the bytes, nothing outside them is read.
package struct SnapshotView {
    let path: String
    let facts: SnapshotFacts
    let users: Int
    let clusters: BlobList
    let items: BlobList
    let transitions: TransitionTable
    private let file: UnsafeRawBufferPointer
    private let header: SnapshotHeader
    private let records: UnsafeRawBufferPointer
    private let index: UserIndex
    private let seed: UInt32

    /// Checks the header and every section but the records, whose checks come with each lookup.
    package init(_ file: UnsafeRawBufferPointer, path: String) throws(SnapshotError) {
        let header = try SnapshotHeader(reading: file, path: path)
        func bytes(_ section: SnapshotSection) -> UnsafeRawBufferPointer {
            let place = header.places[section.rawValue]
            return UnsafeRawBufferPointer(rebasing: file[place.offset..<place.offset + place.length])
        }
        for section in SnapshotSection.allCases {
            let computed = section == .records ? 0 : Checksum.xxh3(bytes(section))
            guard computed == header.places[section.rawValue].checksum else {
                throw .damagedSection(path: path, section)
            }
        }
        guard let (facts, users) = SnapshotFacts.read(bytes(.facts)) else {
            throw .damagedSection(path: path, .facts)
        }
        guard let index = UserIndex(bytes(.userIndex)) else { throw .damagedSection(path: path, .userIndex) }
        guard let items = BlobList(bytes(.items), width: facts.itemType.keyWidth) else {
            throw .damagedSection(path: path, .items)
        }
        guard let clusters = BlobList(bytes(.clusters), width: nil) else {
            throw .damagedSection(path: path, .clusters)
        }
        guard let transitions = TransitionTable(bytes(.transitions)) else {
            throw .damagedSection(path: path, .transitions)
        }
        (self.path, self.file, self.header, self.facts, self.users) = (path, file, header, facts, users)
        (self.index, self.items, self.clusters, self.transitions) = (index, items, clusters, transitions)
        records = bytes(.records)
        seed = facts.recordSeed
    }

    /// The key of an item row in PostgreSQL's binary form.
    package func item(_ row: Int) -> UnsafeRawBufferPointer? { items[row] }

    /// Item keys end to end, and where each ends where their widths vary.
    func itemKeys() throws(SnapshotError) -> (bytes: UnsafeRawBufferPointer, ends: [Int]) {
        guard let whole = items.whole else { throw .damagedSection(path: path, .items) }
        return whole
    }

    /// What the clusters of this key are followed by, as a payload.
    package func transition(_ key: Int64) -> UnsafeRawBufferPointer? { transitions.payload(of: key) }

    package func clusterName(_ cluster: Int) -> UnsafeRawBufferPointer? { clusters[cluster] }

    /// The bytes of a section that holds one thing; nil where it is empty.
    func single(_ section: SnapshotSection) -> UnsafeRawBufferPointer? {
        let place = header.places[section.rawValue]
        return place.length == 0
            ? nil : UnsafeRawBufferPointer(rebasing: file[place.offset..<place.offset + place.length])
    }

    /// The payload of the user with this key in PostgreSQL's binary form; nil where the file has no such user.
    ///
    /// A record is believed only when its checksum holds, also where its key is another's: so damage is never "not
    /// here".
    package func payload(of key: UnsafeRawBufferPointer) throws(SnapshotError) -> UnsafeRawBufferPointer? {
        let hash = Checksum.xxh3(key)
        for number in index.home(of: hash)..<index.slotCount {
            guard let offset = index.candidate(number, hash: hash) else { return nil }
            guard offset >= 0 else { continue }
            let record = try record(at: offset)
            if record.key.holdsSame(as: key) { return record.payload }
        }
        return nil
    }

    /// Reads every record and finds it again by its key.
    package func verify() throws(SnapshotError) {
        var offset = 0
        var found = 0
        while offset < records.count {
            let record = try record(at: offset)
            guard let payload = try payload(of: record.key), payload.baseAddress == record.payload.baseAddress else {
                throw .damagedSection(path: path, .userIndex)
            }
            offset = record.end
            found += 1
        }
        guard found == users else { throw .recordsMissing(path: path, stated: users, found: found) }
    }

    private func record(at offset: Int) throws(SnapshotError) -> SnapshotRecord {
        guard let record = SnapshotRecord(records, at: offset, keyWidth: facts.userType.keyWidth, seed: seed) else {
            throw .damagedRecord(path: path, at: header.places[SnapshotSection.records.rawValue].offset + offset)
        }
        return record
    }
}

extension SnapshotFacts {
    /// What tells the records of this release from those of another: a piece of an older file is no record of this one.
    var recordSeed: UInt32 { bytes(users: 0).withUnsafeBytes { Checksum.short($0) } }
}
