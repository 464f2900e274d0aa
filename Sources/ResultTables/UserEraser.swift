import Postgres

/// Removes a user from everything in the database, and finds where one is.
package struct UserEraser {
    /// How many rows of a table are, or were, a user's.
    package struct Trace: Equatable, Sendable, Encodable {
        package var place: String
        package var rows: Int
    }

    private let connection: Connection

    package init(_ connection: Connection) { self.connection = connection }

    /// A query that shows no row when a user is nowhere; for people, to run it themselves.
    package static func proof(of user: String) -> String {
        "SELECT * FROM nearline.traces_of(\(Quote.literal(user))) WHERE rows > 0"
    }

    /// The tables that hold rows of the user.
    package func traces(of user: String) throws -> [Trace] {
        try connection.execute(
            "SELECT place, rows FROM nearline.traces_of($1) WHERE rows > 0", [.text(user)], doing: "looking for a user"
        ).map { Trace(place: try $0.string("place"), rows: try $0.int("rows")) }
    }

    /// When the user was forgotten, as text; nil for somebody who was not.
    package func forgottenAt(_ user: String) throws -> String? {
        try connection.execute(
            "SELECT at::text AS at FROM nearline.forgotten WHERE user_id = $1", [.text(user)],
            doing: "looking who is forgotten"
        ).first?.string("at")
    }

    /// One transaction: rows of all releases, of overlays and of the quarantine go, and events are read no more.
    ///
    /// - Returns: the tables that rows were removed from.
    package func forget(_ user: String) throws -> [Trace] {
        let doing = "forgetting a user"
        let traces = try connection.transaction(doing: doing) {
            try connection.execute("SELECT place, rows FROM nearline.forget($1)", [.text(user)], doing: doing)
                .map { Trace(place: try $0.string("place"), rows: try $0.int("rows")) }
        }
        return traces.filter { $0.rows > 0 && $0.place != "nearline.forgotten" }
    }

    /// Gives the space of removed rows back, so that their bytes are overwritten; what older transactions may still read
    /// stays until a later vacuum.
    package func vacuum(_ traces: [Trace]) throws {
        for trace in traces {
            try connection.execute("VACUUM \(trace.place)", doing: "vacuuming \(trace.place)")
        }
    }
}
