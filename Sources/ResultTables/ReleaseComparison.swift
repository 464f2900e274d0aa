import Domain
import Postgres
import ResultCodec

/// What changed between two releases: users, lists, exposure, transitions. Reads every list of both once, a pair in memory.
package struct ReleaseComparison: Sendable {
    package struct Exposure: Sendable {
        package var item: String
        /// Share of all places in lists that this item has, before and after.
        package var before: Double
        package var after: Double
    }

    package private(set) var usersInBoth = 0
    package private(set) var usersGone = 0
    package private(set) var usersNew = 0
    /// Lists that are the same, item by item.
    package private(set) var identicalLists = 0
    /// Users whose first item is another one.
    package private(set) var otherFirstItem = 0
    /// Lists by how much of the longer one is in the other, in percent: 0, 1, ... 100.
    package private(set) var listsByOverlap = [Int](repeating: 0, count: 101)
    package private(set) var meanOverlap = 0.0
    /// Half the sum of all changes of share: 0 where each item has the place that it had, 1 where none has.
    package private(set) var exposureShift = 0.0
    package private(set) var gainers: [Exposure] = []
    package private(set) var losers: [Exposure] = []
    package private(set) var transitionKeysInBoth = 0
    /// Mean over common keys: of the five clusters that come first, the share of their union that is in both.
    package private(set) var transitionOverlap = 1.0

    /// The overlap that this share of the lists does not exceed, 0 to 1.
    package func overlap(at share: Double) -> Double {
        var left = Int((share * Double(usersInBoth)).rounded(.up))
        for (percent, lists) in listsByOverlap.enumerated() {
            left -= lists
            if left <= 0 { return Double(percent) / 100 }
        }
        return 1
    }

    /// - Parameter named: items shown as gainers and as losers.
    package init(from a: ReleaseRow, to b: ReleaseRow, named: Int = 10, on connection: Connection) throws {
        for release in [a, b] where release.isPruned { throw ReleaseError.pruned(release: release.release) }
        for release in [a, b] where release.state == "building" {
            throw ReleaseError.notBuilt(release: release.release, state: release.state)
        }
        try connection.transaction(.readOnlySnapshot, doing: "comparing releases \(a.release) and \(b.release)") {
            try compareLists(a.release, b.release, rows: rowsInFirst(a, b, on: connection), on: connection)
            try compareExposure(a.release, b.release, named, on: connection)
            try compareTransitions(a.release, b.release, on: connection)
        }
    }

    /// For each row of the second dictionary the row of the same item in the first; -1 where it has none.
    private func rowsInFirst(_ a: ReleaseRow, _ b: ReleaseRow, on connection: Connection) throws -> [Int64] {
        var rows = [Int64](repeating: -1, count: b.items)
        try connection.copyOut(
            """
            SELECT x.item_row, y.item_row FROM \(Leaf.item.name(a.release)) x
            JOIN \(Leaf.item.name(b.release)) y USING (item_id)
            """, doing: "matching the dictionaries"
        ) { row in
            let first = try row.int32(), second = try row.int32()
            guard rows.indices.contains(Int(second)) else { return }
            rows[Int(second)] = Int64(first)
        }
        return rows
    }

    private mutating func compareLists(_ a: Int, _ b: Int, rows: [Int64], on connection: Connection) throws {
        var before: [Int64] = [], overlaps = 0.0
        let decoder = try ListDecoder(release: a, on: connection)
        let newDecoder = try ListDecoder(release: b, on: connection)
        try connection.copyOut(
            """
            SELECT x.payload, y.payload FROM \(Leaf.candidate.name(a)) x
            FULL JOIN \(Leaf.candidate.name(b)) y USING (user_id)
            """, doing: "comparing the lists of releases \(a) and \(b)"
        ) { row in
            let first = try row.bytes().map { try decoder.decode($0) }
            let second = try row.bytes().map { try newDecoder.decode($0) }
            guard let first, let second else {
                if first == nil { usersNew += 1 } else { usersGone += 1 }
                return
            }
            before = first.map { Int64($0.row) }
            // A row that is not in the dictionary is like no other: such a list is damaged, and may still be compared.
            let after = second.map { Int($0.row) < rows.count ? rows[Int($0.row)] : -1 }
            let longer = max(before.count, after.count)
            let shared = Set(before).intersection(after).count
            let overlap = longer == 0 ? 1 : Double(shared) / Double(longer)
            usersInBoth += 1
            overlaps += overlap
            listsByOverlap[Int(overlap * 100)] += 1
            if before == after { identicalLists += 1 }
            if before.first != after.first { otherFirstItem += 1 }
        }
        meanOverlap = usersInBoth == 0 ? 1 : overlaps / Double(usersInBoth)
    }

    private mutating func compareExposure(_ a: Int, _ b: Int, _ named: Int, on connection: Connection) throws {
        let shares = """
            WITH share AS (
                SELECT item_id::text AS item,
                    coalesce(x.lists, 0)::float8 / greatest((SELECT sum(lists) FROM \(Leaf.item.name(a))), 1)::float8 AS before,
                    coalesce(y.lists, 0)::float8 / greatest((SELECT sum(lists) FROM \(Leaf.item.name(b))), 1)::float8 AS after
                FROM \(Leaf.item.name(a)) x FULL JOIN \(Leaf.item.name(b)) y USING (item_id)
            )
            """
        exposureShift = try connection.execute(
            "\(shares) SELECT coalesce(sum(abs(after - before)) / 2, 0)::float8 AS shift FROM share",
            doing: "comparing exposure")[0].double("shift")
        func changed(_ condition: String, _ order: String) throws -> [Exposure] {
            try connection.execute(
                """
                \(shares) SELECT item, before, after FROM share WHERE \(condition)
                ORDER BY after - before \(order), item LIMIT \(named)
                """, doing: "comparing exposure"
            ).map {
                Exposure(item: try $0.string("item"), before: try $0.double("before"), after: try $0.double("after"))
            }
        }
        gainers = try changed("after > before", "DESC")
        losers = try changed("after < before", "ASC")
    }

    private mutating func compareTransitions(_ a: Int, _ b: Int, on connection: Connection) throws {
        let overlap = try TransitionOverlap(new: b, old: a, on: connection)
        transitionKeysInBoth = overlap.keys
        transitionOverlap = overlap.mean
    }
}
