import Domain
import Importing
import Postgres

/// The tables that an import fills: `events`, `items` and an empty `exclusions` in a schema of the user's.
struct ImportTables {
    private let connection: Connection
    private let schema: String

    init(schema: String, on connection: Connection) {
        self.schema = schema
        self.connection = connection
    }

    private func name(_ table: String) -> String { Quote.identifier(schema) + "." + Quote.identifier(table) }

    func exist() throws -> Bool {
        try connection.execute(
            "SELECT to_regclass($1) IS NOT NULL AS there", [.text(name("events"))],
            doing: "looking for \(schema).events")[0]
            .bool("there")
    }

    /// Creates what is missing; keys of another type than the file's are refused.
    func create(userType: IDType, itemType: IDType) throws {
        if try !exist() {
            let user = userType.rawValue, item = itemType.rawValue
            try connection.script(
                """
                CREATE SCHEMA IF NOT EXISTS \(Quote.identifier(schema));
                CREATE TABLE \(name("events")) (
                    user_id \(user) NOT NULL, item_id \(item) NOT NULL, occurred_at timestamptz NOT NULL,
                    action text NOT NULL, session_id text, scene text
                );
                CREATE INDEX ON \(name("events")) (user_id, occurred_at);
                CREATE TABLE IF NOT EXISTS \(name("items")) (
                    item_id \(item) PRIMARY KEY, category text, seller text, available boolean NOT NULL DEFAULT true,
                    title text
                );
                CREATE TABLE IF NOT EXISTS \(name("exclusions")) (
                    item_id \(item) NOT NULL, user_id \(user), reason text
                );
                CREATE INDEX ON \(name("exclusions")) (user_id);
                COMMENT ON TABLE \(name("exclusions")) IS
                    'Items that must not be recommended: to one user, or, where user_id is null, to anybody.';
                """, doing: "creating the tables of \(schema)")
        }
        for (column, wanted) in [("user_id", userType), ("item_id", itemType)] {
            let found = try type(of: column)
            guard found == wanted.rawValue else {
                throw JobError.importMismatch(
                    relation: "\(schema).events", column: column, found: found ?? "missing", file: wanted.rawValue)
            }
        }
    }

    /// The type to read a column of keys with: that of the table, where the file's keys fit it. A file that happens to hold
    /// digits only fits a table of text keys.
    func keyType(_ column: String, inFile sniffed: IDType) throws -> IDType {
        guard try exist(), let found = try type(of: column).flatMap(IDType.init(postgresName:)) else { return sniffed }
        let fits = found == .text || (found == .int && sniffed == .bigint)
        return fits ? found : sniffed
    }

    private func type(of column: String) throws -> String? {
        try connection.execute(
            "SELECT format_type(atttypid, NULL) AS type FROM pg_attribute WHERE attrelid = $1::regclass AND attname = $2",
            [.text(name("events")), .text(column)], doing: "looking at \(schema).events"
        ).first?.string("type")
    }

    /// Streams rows until `next` returns nil; returns how many were stored.
    func copyEvents(_ types: (user: IDType, item: IDType), next: () throws -> EventRow?) throws -> Int {
        var key: [UInt8] = []
        let columns = ["user_id", "item_id", "occurred_at", "action", "session_id", "scene"]
        return try connection.copyIn(name("events"), columns: columns, doing: "importing events") { out in
            while let row = try next() {
                try out.beginRow(fields: 6)
                for (id, type) in [(row.user, types.user), (row.item, types.item)] {
                    key.removeAll(keepingCapacity: true)
                    id.appendBinary(to: &key, type: type)
                    out.bytes(key)
                }
                out.int64(row.occurredAt - 946_684_800_000_000)  // PostgreSQL counts from 2000
                out.text(row.action)
                for text in [row.session, row.scene] { text.map { out.text($0) } ?? out.null() }
            }
        }
    }

    /// Adds items and replaces those that are there, until `next` returns nil; of an item that comes twice the last row
    /// counts.
    ///
    /// - Parameter given: the columns that the file has; of items that are there already the others stay as they are.
    func upsertItems(_ type: IDType, given: [String], next: () throws -> ItemRow?) throws -> Int {
        var key: [UInt8] = []
        try connection.execute(
            "CREATE TEMP TABLE new_items (LIKE \(name("items")), line bigint) ON COMMIT DROP", doing: "preparing items")
        let columns = ["item_id", "category", "seller", "available", "title", "line"]
        try connection.copyIn("new_items", columns: columns, doing: "importing items") { out in
            while let row = try next() {
                key.removeAll(keepingCapacity: true)
                row.item.appendBinary(to: &key, type: type)
                try out.beginRow(fields: 6)
                out.bytes(key)
                for text in [row.category, row.seller] { text.map { out.text($0) } ?? out.null() }
                out.bool(row.available)
                row.title.map { out.text($0) } ?? out.null()
                out.int64(Int64(out.rowsWritten))
            }
        }
        let changes = given.map { "\($0) = EXCLUDED.\($0)" }.joined(separator: ", ")
        return try connection.execute(
            """
            INSERT INTO \(name("items")) (item_id, category, seller, available, title)
            SELECT DISTINCT ON (item_id) item_id, category, seller, available, title FROM new_items
            ORDER BY item_id, line DESC
            ON CONFLICT (item_id) DO \(changes.isEmpty ? "NOTHING" : "UPDATE SET \(changes)")
            """, doing: "storing items"
        ).affected
    }

    func analyse() throws {
        for table in ["events", "items"] {
            try connection.execute("VACUUM (ANALYZE) \(name(table))", doing: "analysing \(schema).\(table)")
        }
    }
}
