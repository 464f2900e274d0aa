import Postgres
import Schema

/// Why the schema cannot be used or moved.
package enum SchemaError: Error, Equatable, CustomStringConvertible {
    case newer(found: Int, known: Int)
    case older(found: Int, needed: Int)
    case changed(number: Int, name: String)
    case otherEncoding(String)

    package var description: String {
        switch self {
        case .newer(let found, let known):
            "the database is at migration \(found), this nearline knows \(known); use the newer nearline"
        case .older(let found, let needed):
            "the database is at migration \(found), this nearline needs \(needed); run: nearline migrate"
        case .changed(let number, let name):
            "migration \(number) (\(name)) was applied with other contents than this nearline has; "
                + "this build and the database do not belong together"
        case .otherEncoding(let found):
            "the database is encoded in \(found), and keys are ordered by their bytes in UTF8; "
                + "move to one that was created WITH ENCODING 'UTF8' TEMPLATE template0"
        }
    }
}

/// Brings the schema `nearline` to what this binary knows: all missing steps in one transaction, or none.
package struct Migrator {
    private let connection: Connection

    package init(_ connection: Connection) { self.connection = connection }

    /// Applies what is missing; of two that run at once the second waits, and finds nothing to do.
    package func migrate() throws -> [Migration] {
        try connection.transaction(doing: "migrating") {
            // Held to the end of the transaction only: session locks leak behind transaction poolers.
            try connection.execute(
                "SELECT pg_advisory_xact_lock($1::bigint)", [.int(Migrator.lockKey)], doing: "waiting to migrate")
            if try !hasLedger() { try connection.script(Migrator.ledger, doing: "creating the schema nearline") }
            let pending = try check()
            for migration in pending {
                try connection.script(migration.sql, doing: "applying migration \(migration.number), \(migration.name)")
                try connection.execute(
                    "INSERT INTO nearline.migration (number, name, hash) VALUES ($1::int, $2, $3)",
                    [.int(Int64(migration.number)), .text(migration.name), .text(migration.hash)],
                    doing: "recording migration \(migration.number)")
            }
            return pending
        }
    }

    /// The steps still to be applied, without applying them.
    package func pending() throws -> [Migration] {
        guard try hasLedger() else { return Migration.all }
        return try check()
    }

    /// Throws unless the schema is exactly what this binary knows.
    package func requireCurrent() throws {
        guard try hasLedger() else { throw SchemaError.older(found: 0, needed: Migration.all.count) }
        if let first = try check().first {
            throw SchemaError.older(found: first.number - 1, needed: Migration.all.count)
        }
    }

    private func hasLedger() throws -> Bool {
        let row = try connection.execute(
            """
            SELECT to_regclass('nearline.migration') IS NOT NULL AS there, current_setting('server_encoding') AS encoding
            """, doing: "looking for the schema nearline")[0]
        let encoding = try row.string("encoding")
        guard encoding == "UTF8" else { throw SchemaError.otherEncoding(encoding) }
        return try row.bool("there")
    }

    /// What is missing, after checking that what is there is what this binary would have applied.
    private func check() throws -> [Migration] {
        let rows = try connection.execute(
            "SELECT number, name, hash FROM nearline.migration ORDER BY number", doing: "reading applied migrations")
        var applied = 0
        for row in rows {
            let number = try row.int("number")
            guard let known = Migration.all.first(where: { $0.number == number }) else {
                throw SchemaError.newer(found: try rows.last!.int("number"), known: Migration.all.count)
            }
            guard try known.isNoted(as: row.string("hash")) else {
                throw SchemaError.changed(number: number, name: try row.string("name"))
            }
            applied = number
        }
        return Migration.all.filter { $0.number > applied }
    }

    private static let lockKey: Int64 = 0x6e65_6172_6c69_6e65  // "nearline"

    private static let ledger = """
        CREATE SCHEMA IF NOT EXISTS nearline;
        CREATE TABLE nearline.migration (
            number     int         PRIMARY KEY,
            name       text        NOT NULL,
            hash       text        NOT NULL,
            applied_at timestamptz NOT NULL DEFAULT now()
        );
        """
}
