import Postgres
import ResultCodec

/// The least that a load can cost: the same rows, encoded beforehand, in one COPY into tables of the same shape.
struct BareCopy {
    let connection: Connection
    let users: Int
    let payloads: [[UInt8]]
    let items: Int

    /// Loads and indexes; the tables are left for the caller to drop with ``drop()``.
    func run() throws -> LoadTimes {
        var times = LoadTimes()
        times.whole += try seconds {
            try connection.script(
                """
                CREATE TABLE bare_list (user_id bigint NOT NULL, release int NOT NULL, payload bytea NOT NULL);
                ALTER TABLE bare_list ALTER COLUMN payload SET STORAGE EXTERNAL;
                CREATE TABLE bare_item (release int NOT NULL, item_row int NOT NULL, item_id bigint NOT NULL,
                    lists bigint NOT NULL, lists_top_10 bigint NOT NULL)
                """, doing: "creating bare tables")
        }
        try times.measureCopy(connection) { try copyLists() }
        times.dictionary = try seconds {
            try copyItems()
            try connection.script(
                "ALTER TABLE bare_item ADD PRIMARY KEY (item_row), ADD UNIQUE (item_id)", doing: "indexing items")
            try connection.execute("VACUUM (FREEZE, ANALYZE) bare_item", doing: "vacuuming items")
        }
        times.whole +=
            try times.copy + times.dictionary
            + seconds {
                try connection.execute("ALTER TABLE bare_list ADD PRIMARY KEY (user_id)", doing: "indexing lists")
                try connection.execute("VACUUM (FREEZE, ANALYZE) bare_list", doing: "vacuuming lists")
            }
        return times
    }

    func drop() throws { try connection.script("DROP TABLE bare_list, bare_item", doing: "dropping bare tables") }

    private func copyLists() throws {
        try connection.copyIn("bare_list", columns: ["user_id", "release", "payload"], doing: "copying lists") { out in
            for user in 0..<users {
                try out.beginRow(fields: 3)
                out.int64(DrawnLists.key(user))
                out.int32(1)
                out.bytes(payloads[user % payloads.count])
            }
        }
    }

    private func copyItems() throws {
        let columns = ["release", "item_row", "item_id", "lists", "lists_top_10"]
        try connection.copyIn("bare_item", columns: columns, doing: "copying items") { out in
            for row in 0..<items {
                try out.beginRow(fields: 5)
                out.int32(1)
                out.int32(Int32(row))
                out.int64(Int64(row) * 7)
                out.int64(Int64(row))
                out.int64(0)
            }
        }
    }
}
