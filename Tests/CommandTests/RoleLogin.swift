import Postgres
import Testing

/// Somebody who logs in as a member of one of the three roles; gone when the test lets go.
final class RoleLogin {
    /// Odd on purpose: it has to be quoted.
    let name: String
    /// To the shop's database, as this login.
    let connection: Connection
    private let shop: Shop

    /// - Parameter role: "reader", "worker" or "admin"; nil for nobody's member.
    init(_ role: String?, at shop: Shop) throws {
        self.shop = shop
        name = "Login-" + String(UInt64.random(in: .min ... .max), radix: 36)
        try shop.execute("CREATE ROLE \"\(name)\" LOGIN \(role.map { "IN ROLE nearline_\($0)" } ?? "")")
        connection = try Connection("dbname=\(shop.database) user=\(name)", applicationName: "nearline-tests")
    }

    deinit {
        do { try shop.execute("DROP OWNED BY \"\(name)\" CASCADE; DROP ROLE \"\(name)\"") } catch {
            print("role \(name) was left behind: \(error)")
        }
    }

    /// What a command says when this login runs it.
    func run(_ arguments: [String], with settings: [String: String] = [:]) throws -> Ended {
        try shop.commands.run(arguments, with: settings.merging(["PGUSER": name]) { $1 })
    }

    /// Why the server does not do this for the login; nil where it does. Taken back in any case.
    func refusal(of sql: String) -> String? {
        do {
            try connection.script("BEGIN; \(sql); ROLLBACK", doing: "trying what a role may not do")
            return nil
        } catch {
            _ = try? connection.script("ROLLBACK", doing: "going on after a refusal")
            return error.sqlState ?? "\(error)"
        }
    }
}

extension Shop {
    /// The three roles, and the source for the worker to read; beside it a schema that is nobody's business.
    func makeRoles() throws {
        try succeed("migrate", "--roles")
        try execute(
            """
            GRANT USAGE ON SCHEMA shop TO nearline_worker;
            GRANT SELECT ON ALL TABLES IN SCHEMA shop TO nearline_worker;
            CREATE SCHEMA private; CREATE TABLE private.salaries (n int)
            """)
    }
}
