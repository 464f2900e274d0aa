/// The hash index over the records: open addressing, 8 bytes a slot, about 8 of 10 slots in use.
///
/// A slot holds the place of a record in the section, plus 1 (40 bits, lowest) and 24 low bits of its key's hash; 0 is
/// an empty slot. The high bits of the hash say where to begin, and slots are filled in the order of hashes, so that
/// the writer needs no table in memory. A lookup goes on to the next slot up to an empty one, which the last always is.
///
/// Source: the layout of a hash index over an append-only log is Sparkey's (github.com/spotify/sparkey).
struct UserIndex {
    static let slotByteCount = 8
    /// The section of records may have this many bytes.
    static let largestOffset = 1 << placeBits - 2

    private static let placeBits = 40

    private let slots: UnsafeRawBufferPointer
    /// Where probing may begin; behind these lie the slots into which the last of them overflow.
    private let homes: UInt64

    /// nil where the section is not one that ``UserIndexBuilder`` writes.
    init?(_ section: UnsafeRawBufferPointer) {
        var offset = 8
        guard let homes = section.integer(UInt64.self, at: 0),
            let slots = section.slice(section.count - 8, at: &offset), slots.count % Self.slotByteCount == 0,
            homes > 0, homes <= UInt64(slots.count / Self.slotByteCount),
            slots.integer(UInt64.self, at: slots.count - 8) == 0
        else { return nil }
        self.slots = slots
        self.homes = homes
    }

    var slotCount: Int { slots.count / Self.slotByteCount }

    static func home(of hash: UInt64, among homes: UInt64) -> Int {
        Int(truncatingIfNeeded: hash.multipliedFullWidth(by: homes).high)
    }

    static func slot(hash: UInt64, offset: Int) -> UInt64 { hash << UInt64(placeBits) | UInt64(offset + 1) }

    /// Where lookups of `hash` begin.
    func home(of hash: UInt64) -> Int { Self.home(of: hash, among: homes) }

    /// The record's offset where slot `number` is in use and may be that of `hash`; -1 where it is another's, nil where
    /// it is empty.
    func candidate(_ number: Int, hash: UInt64) -> Int? {
        let slot = UInt64(littleEndian: slots.loadUnaligned(fromByteOffset: 8 * number, as: UInt64.self))
        if slot == 0 { return nil }
        guard slot >> UInt64(Self.placeBits) == hash & 0xFF_FFFF else { return -1 }
        return Int(slot & (1 << UInt64(Self.placeBits) - 1)) - 1
    }
}

/// Remembers where each record lies: 16 bytes a user, which is all the memory that a writer needs for them.
struct UserIndexBuilder {
    struct Entry {
        var hash: UInt64
        var offset: Int
    }

    private(set) var entries: [Entry] = []

    mutating func append(hash: UInt64, offset: Int) { entries.append(Entry(hash: hash, offset: offset)) }

    mutating func sort() { entries.sort { ($0.hash, $0.offset) < ($1.hash, $1.offset) } }

    /// Hands on the section piece by piece, once ``sort()`` has been called.
    func write(_ sink: ([UInt8]) throws(SnapshotWriteError) -> Void) throws(SnapshotWriteError) {
        let homes = UInt64(max(1, (entries.count * 5 + 3) / 4))
        var piece: [UInt8] = []
        piece.append(littleEndian: homes)
        var next = 0
        func emit(_ slot: UInt64) throws(SnapshotWriteError) {
            piece.append(littleEndian: slot)
            next += 1
            if piece.count >= 1 << 16 {
                try sink(piece)
                piece.removeAll(keepingCapacity: true)
            }
        }
        for entry in entries {
            let home = UserIndex.home(of: entry.hash, among: homes)
            while next < home { try emit(0) }
            try emit(UserIndex.slot(hash: entry.hash, offset: entry.offset))
        }
        repeat { try emit(0) } while next < homes
        try sink(piece)
    }
}
