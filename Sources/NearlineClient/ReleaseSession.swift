import Postgres
import ResultCodec

/// A connection, what has been prepared in it, and the release that was current when it was last asked.
package final class ReleaseSession {
    private let conninfo: String
    private let applicationName: String
    package private(set) var connection: Connection
    private var current: LoadedRelease?
    private var prepared: Set<String> = []

    private static let attempts = 5

    init(_ conninfo: String, applicationName: String) throws(PostgresError) {
        self.conninfo = conninfo
        self.applicationName = applicationName
        connection = try Connection(conninfo, applicationName: applicationName)
    }

    func reconnect() throws(PostgresError) {
        connection = try Connection(conninfo, applicationName: applicationName, doing: "reconnecting")
        prepared = []
    }

    /// Lets `body` read a release: `pinned`, or the current one, again and again until the pointer has not moved
    /// meanwhile.
    func read<T>(
        _ pinned: LoadedRelease?, _ body: (LoadedRelease) throws -> T
    ) throws(NearlineClientError) -> T {
        var fetched: UInt32?
        for _ in 0..<Self.attempts {
            let release = if let known = pinned ?? current { known } else { try load() }
            do {
                return try body(release)
            } catch is ReleaseMoved {
                _ = try load()
            } catch is ClustersMoved {
                release.clusters = try clusters(of: release)
            } catch let error as MissingDictionary {
                guard fetched != error.id else { throw error.failure }
                fetched = error.id
                release.dictionary = try dictionary(error)
            } catch let error as PostgresError where error.kind == .missingRelation {
                // Pruned. Another one is current, unless the schema itself is gone, which loading says.
                if pinned != nil { throw .releaseGone(release: release.release.number) }
                _ = try load()
            } catch {
                throw Self.client(error)
            }
        }
        throw .refused(sqlState: nil, reason: "releases are published faster than they can be loaded; ask again")
    }

    /// The current release, looked up now.
    func latest() throws(NearlineClientError) -> LoadedRelease {
        try read(nil) { release in
            let rows = try ask(.pointer, [], doing: "looking up the current release")
            try requireCurrent(rows, release)
            return release
        }
    }

    /// Throws unless the first column of the first row names `release`.
    func requireCurrent(_ rows: BinaryRows, _ release: LoadedRelease) throws {
        guard rows.count == 1 else { throw NearlineClientError.nothingPublished }
        guard rows.int32(0, 0).map(Int.init) == release.release.number else { throw ReleaseMoved() }
    }

    private func load() throws(NearlineClientError) -> LoadedRelease {
        let loader = ReleaseLoader(connection: connection)
        do {
            let next = try loader.load()
            if let old = current, old.release.number != next.release.number { forget(old) }
            current = next
            return next
        } catch let error as SchemaMismatch {
            throw loader.mismatch(error.error)
        } catch let error as PostgresError where error.kind == .missingRelation {
            throw .refused(sqlState: error.sqlState, reason: "\(error); a release was pruned just now: ask again")
        } catch {
            throw Self.client(error)
        }
    }

    private func clusters(of release: LoadedRelease) throws(NearlineClientError) -> ClusterNames {
        do {
            return try ReleaseLoader(connection: connection).clusters(of: release.release.number)
        } catch {
            throw Self.client(error)
        }
    }

    private func dictionary(_ missing: MissingDictionary) throws(NearlineClientError) -> PayloadDictionary {
        do {
            guard let dictionary = try ReleaseLoader(connection: connection).dictionary(missing.id) else {
                throw missing.failure
            }
            return dictionary
        } catch {
            throw Self.client(error)
        }
    }

    private static func client(_ error: any Error) -> NearlineClientError {
        switch error {
        case let error as NearlineClientError: error
        case let error as PostgresError: NearlineClientError(error)
        default: .refused(sqlState: nil, reason: "\(error)")
        }
    }
}

// Statements that may be gone: a pooler may give each transaction another session.
extension ReleaseSession {
    /// Asks a statement, and prepares it when this session has not.
    func ask(
        _ statement: PreparedStatement, _ parameters: [[UInt8]?], doing: String
    ) throws(PostgresError) -> BinaryRows {
        for _ in 0..<2 {
            try prepare(statement, doing: doing)
            do {
                return try connection.ask(statement, parameters, doing: doing)
            } catch {
                try forget(statement, after: error)
            }
        }
        return try connection.askOnce(statement, parameters, doing: doing)
    }

    /// Asks a statement once for each parameter, in one go; `answer` may be called again from the first one on.
    func askEach(
        _ statement: PreparedStatement, _ parameters: [[[UInt8]?]], doing: String,
        answer: (Int, BinaryRows) throws -> Void
    ) throws {
        for _ in 0..<2 {
            try prepare(statement, doing: doing)
            do {
                return try connection.askEach(statement, parameters, doing: doing, answer: answer)
            } catch let error as PostgresError {
                try forget(statement, after: error)
            }
        }
        for (number, parameters) in parameters.enumerated() {
            try answer(number, connection.askOnce(statement, parameters, doing: doing))
        }
    }

    private func prepare(_ statement: PreparedStatement, doing: String) throws(PostgresError) {
        guard !prepared.contains(statement.name) else { return }
        try connection.prepare(statement, doing: doing)
        prepared.insert(statement.name)
    }

    /// Takes note that this session does not know the statement; any other error is thrown.
    private func forget(_ statement: PreparedStatement, after error: PostgresError) throws(PostgresError) {
        guard error.sqlState == "26000" else { throw error }
        prepared.remove(statement.name)
    }

    /// Lets the server forget the plans of a release; one that is still pinned is prepared again when it is asked.
    private func forget(_ release: LoadedRelease) {
        for statement in [release.lists, release.transition, release.transitions]
        where prepared.remove(statement.name) != nil {
            // What fails here is behind a pooler, where the statement may be in another session.
            _ = try? connection.execute("DEALLOCATE \(statement.name)", doing: "forgetting a statement")
        }
    }
}

/// The pointer names another release than the one that was read.
struct ReleaseMoved: Error {}

/// A payload cannot be read before its dictionary has been fetched.
struct MissingDictionary: Error {
    let id: UInt32
    /// What is to be said where there is no such dictionary.
    let failure: NearlineClientError
}
