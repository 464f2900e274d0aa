import Postgres

/// The item rows of a release, and which of them nobody may get.
struct DictionaryRows {
    /// Rows are from 0 to below this.
    let count: Int
    /// Items that somebody may get.
    private(set) var eligible = 0
    /// By row: nil where the dictionary has none.
    private var denied: [Bool?]

    /// - Parameter denied: a relation with a column `item_id`, each once.
    init(of release: Int, denied relation: String?, on connection: Connection) throws {
        let items = Leaf.item.name(release), doing = "reading the dictionary of release \(release)"
        count = try connection.execute("SELECT count(*) AS n FROM \(items)", doing: doing)[0].int("n")
        denied = Array(repeating: nil, count: count)
        let query =
            relation.map {
                "SELECT i.item_row, d.item_id IS NOT NULL FROM \(items) i LEFT JOIN \($0) d ON d.item_id = i.item_id"
            } ?? "SELECT item_row, false FROM \(items)"
        try connection.copyOut(query, doing: doing) { row in
            let itemRow = Int(try row.int32()), isDenied = try row.bool()
            // A row beyond the count is one that the gate of rows objects to.
            guard denied.indices.contains(itemRow) else { return }
            denied[itemRow] = isDenied
            if !isDenied { eligible += 1 }
        }
    }

    func knows(_ row: UInt32) -> Bool { row < UInt32(count) && denied[Int(row)] != nil }

    /// - Parameter row: one that the dictionary has.
    func isDenied(_ row: Int) -> Bool { denied[row] == true }
}
