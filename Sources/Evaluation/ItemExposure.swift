/// How lists share their places among the items of the catalogue.
package struct ItemExposure: Sendable {
    /// `[N]`: in how many lists each item is.
    package private(set) var lists: [Int]

    /// - Parameter items: `N`, the size of the catalogue.
    package init(items: Int) { lists = [Int](repeating: 0, count: items) }

    /// - Parameter list: distinct rows; those past the end of the catalogue do not count.
    package mutating func add(_ list: some Sequence<Int32>) {
        for row in list where row >= 0 && Int(row) < lists.count { lists[Int(row)] += 1 }
    }

    /// The share of the catalogue that is in any list.
    package var coverage: Double { lists.isEmpty ? 0 : Double(lists.count { $0 > 0 }) / Double(lists.count) }

    /// 0 where all items have the same exposure, towards 1 where one has all of it; over the whole catalogue.
    package var gini: Double {
        let total = Double(lists.reduce(0, +)), N = Double(lists.count)
        guard total > 0 else { return 0 }
        let weighted = lists.sorted().enumerated().reduce(0.0) {
            $0 + (2 * Double($1.offset + 1) - N - 1) * Double($1.element)
        }
        return weighted / (N * total)
    }

    /// The fewest items that make this share of all exposure: at 0.95 the effective vocabulary.
    package func items(making share: Double) -> Int {
        let wanted = share * Double(lists.reduce(0, +))
        var sum = 0.0, items = 0
        for count in lists.sorted(by: >) where sum < wanted {
            sum += Double(count)
            items += 1
        }
        return items
    }

    /// The share of all exposure that this share of the catalogue has, the most shown items first; at least one item.
    package func exposure(ofTop share: Double) -> Double {
        let total = lists.reduce(0, +), top = max(1, Int((share * Double(lists.count)).rounded()))
        return total > 0 ? Double(lists.sorted(by: >).prefix(top).reduce(0, +)) / Double(total) : 0
    }

    /// Shares of the catalogue at which the curve is told.
    package static let curve = [0.001, 0.01, 0.05, 0.1, 0.2, 0.5]
}
