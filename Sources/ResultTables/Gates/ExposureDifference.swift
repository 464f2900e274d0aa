import Postgres

/// The items whose stored counts of lists are not those that a recount gave.
struct ExposureDifference {
    private(set) var count = 0
    private let release: Int
    private var rows: [String] = [], lists: [String] = [], listsTop10: [String] = []

    private static let kept = 20

    /// - Parameter recounted: by item row.
    init(_ recounted: [(lists: Int64, top10: Int64)], of release: Int, on connection: Connection) throws {
        self.release = release
        try connection.copyOut(
            "SELECT item_row, lists, lists_top_10 FROM \(Leaf.item.name(release))",
            doing: "reading the exposure of release \(release)"
        ) { row in
            let itemRow = Int(try row.int32()), stored = (try row.int64(), try row.int64())
            guard recounted.indices.contains(itemRow), recounted[itemRow] != stored else { return }
            add(itemRow, recounted[itemRow])
        }
    }

    private mutating func add(_ row: Int, _ recounted: (lists: Int64, top10: Int64)) {
        count += 1
        guard rows.count < Self.kept else { return }
        rows.append("\(row)")
        lists.append("\(recounted.lists)")
        listsTop10.append("\(recounted.top10)")
    }

    /// The first of them with the stored and the recounted numbers.
    var query: String {
        func array(_ values: [String]) -> String { "'{\(values.joined(separator: ","))}'::bigint[]" }
        return """
            SELECT i.item_id, i.lists, r.lists AS recounted, i.lists_top_10, r.lists_top_10 AS recounted_top_10 \
            FROM unnest(\(array(rows)), \(array(lists)), \(array(listsTop10))) AS r (item_row, lists, lists_top_10) \
            JOIN \(Leaf.item.name(release)) i USING (item_row)
            """
    }
}
