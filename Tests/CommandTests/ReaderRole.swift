import Postgres

/// A role that `nearline.grant_reader` has let in, with a session of its own; gone when the test lets go.
final class ReaderRole {
    /// To the shop's database, as this role.
    let connection: Connection
    /// Odd on purpose: it has to be quoted.
    private let name = "Reader-" + String(UInt64.random(in: .min ... .max), radix: 36)
    private let shop: Shop

    init(letInto shop: Shop) throws {
        self.shop = shop
        try shop.execute("CREATE ROLE \"\(name)\" LOGIN")
        connection = try Connection("dbname=\(shop.database) user=\(name)", applicationName: "nearline-tests")
        try shop.execute("SELECT nearline.grant_reader('\(name)')")
    }

    deinit {
        do { try shop.execute("DROP OWNED BY \"\(name)\"; DROP ROLE \"\(name)\"") } catch {
            print("role \(name) was left behind: \(error)")
        }
    }

    /// Every row of an answer as one text.
    func rows(_ query: String) throws -> [String] { try connection.rows(query) }

    /// Why the server does not do this for the role; nil where it does.
    func refusal(of sql: String) -> String? {
        do {
            // Taken back, so that what should have been refused spoils nothing for the rest.
            try connection.script("BEGIN; \(sql); ROLLBACK", doing: "trying what a reader may not do")
            return nil
        } catch {
            _ = try? connection.script("ROLLBACK", doing: "going on after a refusal")
            return error.sqlState ?? "\(error)"
        }
    }

    /// The names in this answer, as the owner of the schema sees them: each is asked with the role's name as `$1`.
    func owned(_ query: String) throws -> [String] {
        try shop.connection.execute(query, [.text(name)], doing: "asking what a reader may do")
            .map { try $0.string("text") }
    }
}

extension Connection {
    /// Every row of an answer as one text, in the order of the answer.
    func rows(_ query: String) throws -> [String] {
        try execute("SELECT q::text AS text FROM (\(query)) q", doing: "reading").map { try $0.string("text") }
    }
}
