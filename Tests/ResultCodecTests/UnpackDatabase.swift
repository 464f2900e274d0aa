import Glibc
import Postgres
import Testing

/// A database of its own with the migrations that payloads need, dropped when the test lets go: they name the schema
/// `nearline` themselves, so that a schema of its own would not keep a test apart from others.
final class UnpackDatabase {
    let connection: Connection
    private let maintenance: Connection
    private let name: String

    init() throws {
        guard getenv("PGHOST") != nil else { throw SetupFailure("PGHOST is not set: run jobs/test.sh") }
        name = "nearline_test_" + String(UInt64.random(in: .min ... .max), radix: 36)
        maintenance = try Connection("dbname=postgres", applicationName: "nearline-tests")
        try maintenance.execute("CREATE DATABASE \(name) TEMPLATE template0", doing: "creating the test's database")
        do {
            connection = try migrated(name)
        } catch {
            drop(name, by: maintenance)
            throw error
        }
    }

    deinit { drop(name, by: maintenance) }
}

/// A session on the database, once it has the migrations.
private func migrated(_ name: String) throws -> Connection {
    let connection = try Connection("dbname=\(name)", applicationName: "nearline-tests")
    let migrations = try ["0001_releases", "0002_unpack", "0004_payloads"].map { try read(sqlFile: $0) }
    try connection.script((["CREATE SCHEMA nearline"] + migrations).joined(separator: ";\n"), doing: "migrating")
    return connection
}

private func drop(_ name: String, by maintenance: Connection) {
    do {
        // FORCE, as the test's own session may still be leaving.
        try maintenance.execute("DROP DATABASE IF EXISTS \(name) WITH (FORCE)", doing: "dropping the test's database")
    } catch {
        Issue.record(error, "the database \(name) stays behind")
    }
}

/// The text of one migration, found from where this file stands.
private func read(sqlFile name: String) throws -> String {
    let root = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
    let path = "\(root)/sql/\(name).sql"
    guard let file = fopen(path, "r") else { throw SetupFailure("cannot read \(path)") }
    defer { fclose(file) }
    var text: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65536)
    while true {
        let count = fread(&chunk, 1, chunk.count, file)
        if count == 0 { return String(decoding: text, as: UTF8.self) }
        text += chunk[..<count]
    }
}

private struct SetupFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
