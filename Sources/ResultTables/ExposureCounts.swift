import Domain

/// In how many lists each item stands: in all of the list, and in its first ten.
struct ExposureCounts {
    /// By row: the first ten in the upper half, all in the lower, so that a candidate costs one look at memory.
    private var counts: [UInt64]

    static let top = 10
    private static let one: UInt64 = 1
    private static let oneInTop: UInt64 = 1 << 32 | 1

    init(items: Int) { counts = Array(repeating: 0, count: items) }

    mutating func count(_ list: [Candidate]) {
        var counts = counts.mutableSpan
        for place in list.indices {
            counts[Int(list[place].row)] += place < Self.top ? Self.oneInTop : Self.one
        }
    }

    func lists(_ row: Int) -> Int64 { Int64(counts[row] & 0xffff_ffff) }
    func listsInTop(_ row: Int) -> Int64 { Int64(counts[row] >> 32) }
}
