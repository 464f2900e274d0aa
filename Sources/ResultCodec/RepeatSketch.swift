import CBands

/// Says in a tenth of a microsecond whether an LZ4 block of a list could be its smallest payload, because trying takes
/// ten times as long, and most lists hold nothing that repeats.
///
/// It looks at where the planes change and at samples of the lowest bytes of the rows: without repeats there, LZ4
/// stores more than a byte a row, and ``BandWriter`` does better. `codec-figures` measures what it misses.
struct RepeatSketch: Sendable {
    /// Bytes that LZ4 spends at least beside its literals, by measure.
    private static let overhead = 12
    private static let window = 4

    /// One bit for each hash of a window of the dictionary; empty without one.
    private var known: [UInt64] = []

    private let isReadable: Bool

    /// - Parameter isReadable: whether the loops are those in Swift, to which the tests hold the ones in C.
    init(_ dictionary: PayloadDictionary?, isReadable: Bool = false) {
        self.isReadable = isReadable
        guard let dictionary, dictionary.bytes.count >= Self.window else { return }
        known = [UInt64](repeating: 0, count: 1 << (Self.hashWidth - 6))
        dictionary.bytes.withUnsafeBytes { bytes in
            for begin in 0...bytes.count - Self.window {
                let hash = Self.hash(unsafe bytes.loadUnaligned(fromByteOffset: begin, as: UInt32.self))
                known[hash >> 6] |= 1 << UInt64(hash & 63)
            }
        }
    }

    /// Whether codec 2 could need fewer bytes than `smallest`.
    func mayRepeat(_ list: borrowing RankedList, smallest: Int) -> Bool {
        if list.count < Self.window { return false }
        return changes(list) + Self.overhead < smallest || repeatsItself(list)
    }

    /// Whether codec 3 could: a quarter of the windows at every fourth rank are in the dictionary.
    func mayShare(_ list: borrowing RankedList) -> Bool {
        guard !known.isEmpty, list.count >= Self.window else { return false }
        var hits = 0
        var asked = 0
        for rank in stride(from: 0, through: list.count - Self.window, by: Self.window) {
            let hash = Self.hash(lowBytes(list.rows.span, rank))
            hits += Int(truncatingIfNeeded: known[hash >> 6] >> UInt64(hash & 63) & 1)
            asked += 1
        }
        return 4 * hits >= asked
    }

    /// How often the byte of a plane is not the one before it: LZ4 can hardly store fewer, but for repeats.
    private func changes(_ list: borrowing RankedList) -> Int {
        if !isReadable {
            let count = list.count
            return list.withColumns { unsafe nearline_changes($0.rows, $0.falls, count) }
        }
        let rows = list.rows.span
        let falls = list.falls.span
        var changes: UInt32 = 0
        forEachPlace(below: list.count) { rank in
            let row = rows[unchecked: rank] ^ rows[unchecked: rank &+ 1]
            changes &+= UInt32((row & 0xFF != 0).number)
            changes &+= UInt32((row & 0xFF00 != 0).number)
            changes &+= UInt32((row & 0xFF0000 != 0).number)
        }
        forEachPlace(below: list.count) { rank in
            changes &+= UInt32((falls[unchecked: rank] != falls[unchecked: rank &+ 1]).number)
        }
        return Int(changes)
    }

    /// Whether the lowest bytes of two rows, one of a few such pairs, occur a second time, and the next two with them.
    private func repeatsItself(_ list: borrowing RankedList) -> Bool {
        let rows = list.rows.span
        let end = list.count - Self.window + 1
        for sample in 1...2 {
            let rank = (end - 1) * sample / 2
            let wanted = lowBytes(rows, rank)
            guard countPair(list, end, rank) > 1 else { continue }
            if (0..<end).contains(where: { $0 != rank && lowBytes(rows, $0) == wanted }) { return true }
        }
        return false
    }

    /// How many ranks below `end` have the lowest bytes of the rows of this rank and the next.
    private func countPair(_ list: borrowing RankedList, _ end: Int, _ rank: Int) -> Int {
        let rows = list.rows.span
        let (first, second) = (rows[unchecked: rank], rows[unchecked: rank &+ 1])
        if !isReadable {
            return list.rows.withUnsafeBufferPointer { unsafe nearline_count_pair($0.baseAddress, end, first, second) }
        }
        var found: UInt32 = 0
        forEachPlace(below: end) { other in
            let differs = (rows[unchecked: other] ^ first) | (rows[unchecked: other &+ 1] ^ second)
            found &+= UInt32((differs & 0xFF == 0).number)
        }
        return Int(found)
    }

    /// The lowest bytes of the rows of four ranks.
    @inline(__always)
    private func lowBytes(_ rows: Span<UInt32>, _ rank: Int) -> UInt32 {
        rows[unchecked: rank] & 0xFF | (rows[unchecked: rank &+ 1] & 0xFF) &<< 8
            | (rows[unchecked: rank &+ 2] & 0xFF) &<< 16 | rows[unchecked: rank &+ 3] &<< 24
    }

    private static let hashWidth = 18

    @inline(__always)
    private static func hash(_ window: UInt32) -> Int {
        Int(truncatingIfNeeded: (window &* 0x9E37_79B1) &>> UInt32(32 - hashWidth))
    }
}
