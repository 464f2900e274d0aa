import Domain
import ResultCodec

/// In how many lists each item stands: in all of the list, and in its first ten.
struct ExposureCounts {
    private var lists: RowCounts
    private var listsInTop: RowCounts

    private static let top = 10

    init(items: Int) {
        lists = RowCounts(rows: items)
        listsInTop = lists
    }

    mutating func count(_ list: Span<Candidate>) {
        lists.count(list)
        listsInTop.count(list.extracting(first: Self.top))
    }

    /// Brings near what ``count(_:)`` of this list will change.
    func fetch(_ list: Span<Candidate>) {
        lists.fetch(list)
        listsInTop.fetch(list.extracting(first: Self.top))
    }

    /// By item, what all of these have counted.
    static func sums(_ counts: [ExposureCounts]) -> (lists: [Int64], listsInTop: [Int64]) {
        (RowCounts.sums(counts.map(\.lists)), RowCounts.sums(counts.map(\.listsInTop)))
    }
}
