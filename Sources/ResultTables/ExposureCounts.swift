import Domain

/// In how many lists each item stands: in all of the list, and in its first ten.
struct ExposureCounts {
    /// By row; narrow, because most of what counting costs is memory that is far away.
    private var lists: [UInt32]
    private var listsInTop: [UInt32]

    private static let top = 10

    init(items: Int) {
        lists = Array(repeating: 0, count: items)
        listsInTop = lists
    }

    mutating func count(_ list: [Candidate]) {
        Self.count(list.span, into: &lists)
        Self.count(list.span.extracting(first: Self.top), into: &listsInTop)
    }

    private static func count(_ list: Span<Candidate>, into counts: inout [UInt32]) {
        var counts = counts.mutableSpan
        for place in list.indices { counts[Int(list[place].row)] += 1 }
    }

    func lists(_ row: Int) -> Int64 { Int64(lists[row]) }
    func listsInTop(_ row: Int) -> Int64 { Int64(listsInTop[row]) }
}
