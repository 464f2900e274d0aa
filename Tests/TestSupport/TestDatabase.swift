import Glibc
import Postgres

/// A schema of its own on a real PostgreSQL for one test, first on the search path, dropped when the test lets go.
package final class TestDatabase {
    package let connection: Connection
    package let schema: String

    /// Connects by the PG* variables that `jobs/test.sh` sets for its private cluster.
    package init() throws {
        try Self.requireCluster()
        schema = "test_" + String(UInt64.random(in: .min ... .max), radix: 36)
        connection = try Connection(applicationName: "nearline-tests")
        try connection.execute("CREATE SCHEMA \(schema)", doing: "creating the test's schema")
        try connection.execute("SET search_path = \(schema)", doing: "choosing the test's schema")
    }

    /// For tests that open connections by themselves.
    package static func requireCluster() throws(NoCluster) {
        guard getenv("PGHOST") != nil else { throw NoCluster() }
    }

    deinit {
        do {
            // A test may have lost the connection on purpose, or left a lock with another one.
            _ = try connection.reconnectIfLost()
            try connection.script(
                "SET lock_timeout = '10s'; SET client_min_messages = warning; DROP SCHEMA \(schema) CASCADE",
                doing: "dropping the test's schema")
        } catch {
            print("schema \(schema) was left behind: \(error)")
        }
    }

    /// One more session on the same schema.
    package func connect() throws -> Connection {
        let another = try Connection(applicationName: "nearline-tests")
        try another.execute("SET search_path = \(schema)", doing: "choosing the test's schema")
        return another
    }
}

/// Thrown where a test needs PostgreSQL and none is named.
package struct NoCluster: Error, CustomStringConvertible {
    package let description = "no PostgreSQL for tests (PGHOST is not set): run jobs/test.sh"
}
