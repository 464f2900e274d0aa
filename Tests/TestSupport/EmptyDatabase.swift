import Postgres

/// A database of its own for one test, dropped when the test lets go: the schema is always called `nearline`, so a schema
/// of its own would not keep tests apart.
package final class EmptyDatabase {
    package let name: String
    package let connection: Connection
    private let maintenance: Connection

    package init() throws {
        try TestDatabase.requireCluster()
        name = "nearline_test_" + String(UInt64.random(in: .min ... .max), radix: 36)
        maintenance = try Connection("dbname=postgres", applicationName: "nearline-tests")
        try maintenance.execute("CREATE DATABASE \(name) TEMPLATE template0", doing: "creating the test's database")
        connection = try Connection("dbname=\(name)", applicationName: "nearline-tests")
    }

    deinit {
        // FORCE, as the test's own sessions may still be leaving. What fails here leaves a database in a throwaway cluster.
        _ = try? maintenance.execute("DROP DATABASE \(name) WITH (FORCE)", doing: "dropping the test's database")
    }

    package func connect() throws -> Connection { try Connection("dbname=\(name)", applicationName: "nearline-tests") }

    package func run(_ sql: String) throws { try connection.script(sql, doing: "preparing a test") }

    /// The one integer that a query answers with.
    package func number(_ query: String) throws -> Int {
        try connection.execute("SELECT (\(query))::bigint AS number", doing: "counting")[0].int("number")
    }

    /// The first column of each row, which the query calls `it`.
    package func texts(_ query: String) throws -> [String] {
        try connection.execute(query, doing: "reading").map { try $0.string("it") }
    }
}

/// The error that `body` throws, if it is of this type.
package func thrown<E: Error>(_ type: E.Type, _ body: () throws -> Void) -> E? {
    do {
        try body()
        return nil
    } catch {
        return error as? E
    }
}
