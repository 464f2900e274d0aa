import Domain

/// What counts as had together.
package enum Basket: String, Sendable {
    /// Everything that a user ever had.
    case users
    /// The items of one session.
    case sessions
}

/// Sets of items that were had together, and the way back from an item to its sets.
struct Baskets: Sendable {
    /// `[baskets, items]`, ones.
    let items: SparseRows
    /// `[items, baskets]`, ones.
    let baskets: SparseRows

    /// The pairs of a basket grow with its square; of a longer one the newest items count.
    private static let mostItems = 4096

    init(_ log: SessionLog, _ kind: Basket) {
        var items = SparseRows()
        for history in log.histories {
            switch kind {
            case .users: items.append(Self.newest(history.rows[...]))
            case .sessions: history.forEachSession { if !$0.isLifelong { items.append(Self.newest($1)) } }
            }
        }
        self.items = items
        baskets = items.transposed(columns: log.items)
    }

    /// In how many baskets an item is.
    func count(_ item: Int) -> Int { baskets.range(item).count }

    /// Calls `body` with every item that shares a basket with this one, itself too, once for each basket.
    @inline(__always)
    func forEachNeighbour(of item: Int, _ body: (Int) -> Void) {
        for entry in baskets.range(item) {
            for other in items.range(Int(baskets.column[entry])) { body(Int(items.column[other])) }
        }
    }

    private static func newest(_ rows: ArraySlice<Int32>) -> [(column: Int32, value: Float)] {
        var seen: Set<Int32> = []
        for row in rows.reversed() where seen.count < mostItems { seen.insert(row) }
        return seen.map { ($0, 1) }
    }
}
