import Postgres

/// The triggers on the source's tables that queue users: of statements, one for each kind of change.
package struct RefreshTriggers {
    /// A table and its column that has the user's key.
    package struct Place: Hashable, Sendable {
        /// Quoted.
        package var table: String
        /// As the catalogue has it.
        package var column: String

        package init(table: String, column: String) {
            self.table = table
            self.column = column
        }
    }

    /// What a relation is: only tables have rows of their own that change.
    package enum Kind: Sendable {
        case table, view, other, missing
    }

    private let connection: Connection

    package init(_ connection: Connection) { self.connection = connection }

    package func kind(of relation: String) throws -> Kind {
        let row = try connection.execute(
            "SELECT relkind::text AS kind FROM pg_class WHERE oid = to_regclass($1)", [.text(relation)],
            doing: "looking at \(relation)"
        ).first
        guard let row else { return .missing }
        return switch try row.string("kind") {
        case "r", "p": .table
        case "v": .view
        default: .other
        }
    }

    package func hasColumn(_ place: Place) throws -> Bool { try number(of: place) != nil }

    /// Installs what is missing, in one transaction that waits for writers five seconds at most; they wait behind it.
    ///
    /// - Returns: the places that were without.
    package func install(_ places: [Place]) throws -> [Place] {
        let doing = "installing triggers"
        return try connection.transaction(doing: doing) {
            try connection.execute("SET LOCAL lock_timeout = '5s'", doing: doing)
            return try places.filter { place in
                guard let number = try number(of: place), try !isInstalled(place, number) else { return false }
                for (change, rows) in Self.changes {
                    try connection.execute(
                        """
                        CREATE OR REPLACE TRIGGER \(Self.name(change, number)) AFTER \(change) ON \(place.table)
                        REFERENCING \(rows) FOR EACH STATEMENT
                        EXECUTE FUNCTION nearline.touch(\(Quote.literal(place.column)))
                        """, doing: "installing triggers on \(place.table)")
                }
                return true
            }
        }
    }

    /// Drops all of them, wherever they are.
    ///
    /// - Returns: the tables that had some, quoted.
    package func uninstall() throws -> [String] {
        let doing = "dropping triggers"
        return try connection.transaction(doing: doing) {
            try connection.execute("SET LOCAL lock_timeout = '5s'", doing: doing)
            let found = try connection.execute(
                """
                SELECT tgrelid::regclass::text AS relation, quote_ident(tgname) AS name FROM pg_trigger
                WHERE tgfoid = 'nearline.touch()'::regprocedure AND tgparentid = 0 ORDER BY 1, 2
                """, doing: doing
            ).map { (table: try $0.string("relation"), name: try $0.string("name")) }
            for trigger in found {
                try connection.execute("DROP TRIGGER \(trigger.name) ON \(trigger.table)", doing: doing)
            }
            var tables: [String] = []
            for trigger in found where tables.last != trigger.table { tables.append(trigger.table) }
            return tables
        }
    }

    private static let changes = [
        ("INSERT", "NEW TABLE AS new_rows"), ("UPDATE", "OLD TABLE AS old_rows NEW TABLE AS new_rows"),
        ("DELETE", "OLD TABLE AS old_rows"),
    ]

    /// By the column's number, so that a table may have two such columns, whatever they are called.
    private static func name(_ change: String, _ number: Int) -> String {
        "nearline_touch_\(number)_\(change.lowercased())"
    }

    /// The column's number in its table.
    private func number(of place: Place) throws -> Int? {
        try connection.execute(
            """
            SELECT attnum FROM pg_attribute
            WHERE attrelid = to_regclass($1) AND attname = $2 AND attnum > 0 AND NOT attisdropped
            """, [.text(place.table), .text(place.column)], doing: "looking at \(place.table)"
        ).first?.int("attnum")
    }

    private func isInstalled(_ place: Place, _ number: Int) throws -> Bool {
        let names = Self.changes.map { Self.name($0.0, number) }
        return try connection.execute(
            """
            SELECT count(*) AS n FROM pg_trigger WHERE tgrelid = to_regclass($1) AND tgname = ANY ($2::text[])
                AND tgfoid = 'nearline.touch()'::regprocedure AND tgenabled <> 'D'
                AND tgargs = convert_to($3, getdatabaseencoding()) || '\\x00'::bytea
            """, [.text(place.table), .text(Quote.array(names)), .text(place.column)],
            doing: "looking for triggers on \(place.table)")[0].int("n") == names.count
    }
}
