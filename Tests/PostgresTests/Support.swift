import Postgres

/// The error that `body` throws, if it is one of ours.
func postgresError(_ body: () throws -> Void) -> PostgresError? {
    do {
        try body()
        return nil
    } catch {
        return error as? PostgresError
    }
}

extension Connection {
    /// The one integer that a query answers with.
    func number(_ query: String, _ parameters: [Parameter] = []) throws -> Int {
        let rows = try execute("SELECT (\(query)) AS number", parameters, doing: "counting")
        return try rows[0].int("number")
    }
}

/// Something of the test's own, to tell from any error of the library.
struct Deliberate: Error, Equatable {}
