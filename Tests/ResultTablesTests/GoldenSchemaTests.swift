import Foundation
import Postgres
import ResultTables
import TestSupport
import Testing

/// The schema as it is after all migrations, against `sql/schema.sql`: a change shows in the diff of a commit.
@Suite struct GoldenSchemaTests {
    private static let path =
        #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
        + "/sql/schema.sql"
    /// Dumps of other versions differ in words that mean the same.
    private static let dumpedBy = 15

    @Test(.enabled(if: serverIs(dumpedBy), "sql/schema.sql is a dump of PostgreSQL \(dumpedBy)"))
    func theMigratedSchemaIsTheOneInTheRepository() throws {
        let database = try EmptyDatabase()
        _ = try Migrator(database.connection).migrate()
        try database.run("SELECT nearline.create_result_tables('bigint', 'bigint')")
        let found = normalised(try dump(database.name))
        #expect(found.count > 200, "the dump holds the schema")
        if ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] == "1" { try write(found) }
        let golden = normalised(try String(contentsOfFile: Self.path, encoding: .utf8))
        let change = found.difference(from: golden)
        #expect(
            change.isEmpty,
            """
            the schema is not the one in sql/schema.sql: \(change.removals.map(line)) went, \(change.insertions.map(line)) \
            came. If that is meant, run: UPDATE_GOLDEN=1 jobs/test.sh --filter GoldenSchemaTests, and commit the file.
            """)
    }

    private func line(_ change: CollectionDifference<String>.Change) -> String {
        switch change {
        case .insert(_, let text, _), .remove(_, let text, _): text
        }
    }

    private func write(_ lines: [String]) throws {
        let head = """
            -- schema.sql: the schema after all migrations and create_result_tables('bigint', 'bigint'), as pg_dump writes it.
            -- Nobody runs this file; GoldenSchemaTests compares it. To make it anew:
            -- UPDATE_GOLDEN=1 jobs/test.sh --filter GoldenSchemaTests
            """
        try (head + "\n" + lines.joined(separator: "\n") + "\n").write(
            toFile: Self.path, atomically: true, encoding: .utf8)
    }

    private func dump(_ database: String) throws -> String {
        let process = Process(), output = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [
            "pg_dump", "--schema-only", "--no-owner", "--no-privileges", "--schema=nearline", "--dbname=\(database)",
        ]
        process.standardOutput = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "pg_dump failed")
        return text
    }

    /// Without comments of pg_dump, blank lines, settings of the session, and the keys that newer ones print.
    private func normalised(_ dump: String) -> [String] {
        dump.split(separator: "\n").map(String.init).filter { line in
            !["--", "SET ", "SELECT pg_catalog.set_config", #"\restrict"#, #"\unrestrict"#].contains(
                where: line.hasPrefix) && !line.allSatisfy(\.isWhitespace)
        }
    }
}

private func serverIs(_ major: Int) -> Bool {
    guard let connection = try? Connection(applicationName: "nearline-tests") else { return true }
    return connection.serverVersion / 10_000 == major
}
