/// At most so many items of one category in a list, for variety. Items without a category (row 0) are not counted.
package struct CategoryCap: Sendable {
    package let most: Int
    private let category: [Int32]

    /// - Parameter category: `[V]`, a category for every row.
    package init(most: Int, category: [Int32]) {
        precondition(most > 0, "a cap leaves something")
        (self.most, self.category) = (most, category)
    }

    /// The first `kept` of what is given best first, less what its category has no place for: what a greedy hand would take.
    package func first<Item>(_ kept: Int, of items: some Sequence<Item>, row: (Item) -> Int32) -> [Item] {
        var taken: [Int32: Int] = [:], first: [Item] = []
        for item in items {
            guard first.count < kept else { break }
            let category = category[Int(row(item))]
            if category != 0 {
                guard taken[category, default: 0] < most else { continue }
                taken[category, default: 0] += 1
            }
            first.append(item)
        }
        return first
    }

    /// Whether a list that is whole has no place for one more of the row's category.
    package func isFull(_ list: some Sequence<Int32>, for row: Int32) -> Bool {
        let own = category[Int(row)]
        return own != 0 && list.count { category[Int($0)] == own } >= most
    }
}

extension CategoryCap? {
    /// The first `kept` that there is room for; where there is no cap, the first.
    package func first<Item>(_ kept: Int, of items: some Sequence<Item>, row: (Item) -> Int32) -> [Item] {
        self?.first(kept, of: items, row: row) ?? Array(items.prefix(kept))
    }
}
