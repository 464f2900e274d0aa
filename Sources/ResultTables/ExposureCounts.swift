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

    /// Many lists at a time: so much of that memory is then under way at once.
    mutating func count(_ users: Span<(user: ExternalID, list: [Candidate])>) {
        Self.count(users, into: &lists, first: .max)
        Self.count(users, into: &listsInTop, first: Self.top)
    }

    private static func count(
        _ users: Span<(user: ExternalID, list: [Candidate])>, into counts: inout [UInt32], first: Int
    ) {
        var counts = counts.mutableSpan
        for user in users.indices {
            let list = users[user].list.span
            let end = min(first, list.count)
            var place = 0
            while place < end {
                counts[Int(list[unchecked: place].row)] &+= 1
                place &+= 1
            }
        }
    }

    func lists(_ row: Int) -> Int64 { Int64(lists[row]) }
    func listsInTop(_ row: Int) -> Int64 { Int64(listsInTop[row]) }
}
