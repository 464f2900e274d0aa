import Foundation
import Postgres
import ResultTables

/// Room on disks, asked before work begins that would fill them.
enum DiskSpace {
    /// Bytes that this process may still write at a path; nil where nobody can say.
    static func free(at path: String) -> Int? {
        var facts = statvfs()
        guard statvfs(path, &facts) == 0 else { return nil }
        return Int(facts.f_bavail) * Int(facts.f_frsize)
    }

    /// Where the server puts new tables, and what is free there; nil where the server is elsewhere or does not tell.
    ///
    /// Only on this machine: PostgreSQL has no function that says how full a disk is.
    static func ofServer(on connection: Connection) throws -> (path: String, free: Int)? {
        let row = try connection.execute(
            """
            SELECT coalesce(nullif(pg_tablespace_location(t.oid), ''),
                    (SELECT setting FROM pg_settings WHERE name = 'data_directory')) AS path,
                coalesce(inet_server_addr() = inet_client_addr(), true) AS is_here
            FROM pg_tablespace t WHERE t.spcname = coalesce(nullif(current_setting('default_tablespace'), ''), (
                SELECT s.spcname FROM pg_database d JOIN pg_tablespace s ON s.oid = d.dattablespace
                WHERE d.datname = current_database()))
            """, doing: "asking where tables are stored"
        ).first
        guard let row, try row.bool("is_here"), let path = try row.optionalString("path") else { return nil }
        // A socket may lead into another container, where the path means something else.
        return free(at: path).map { (path, $0) }
    }

    /// Bytes that a release of so many users takes at most while it is built: rows of packed lists with their headers and
    /// index, and the write-ahead log of them, which the server keeps up to max_wal_size.
    static func forecast(users: Int, candidates: Int, unlogged: Bool, on connection: Connection) throws -> Int {
        let tables = users * (64 + bytesPerCandidate * candidates)
        guard !unlogged else { return tables }
        let wal = try connection.execute(
            "SELECT pg_size_bytes(current_setting('max_wal_size')) AS bytes", doing: "asking for max_wal_size")[0]
            .int("bytes")
        return tables + min(tables, wal)
    }

    /// From above: payloads of real lists take 2 to 3.4.
    private static let bytesPerCandidate = 4

    /// How many users the next release will have, as far as can be said without reading the events: those of the current
    /// one, or the planner's estimate; nil where there is neither.
    static func expectedUsers(events: String, on connection: Connection) throws -> Int? {
        if let current = try ReleaseCatalogue(connection).current() { return current.users }
        let row = try connection.execute(
            """
            SELECT CASE WHEN s.n_distinct >= 0 THEN s.n_distinct ELSE -s.n_distinct * greatest(c.reltuples, 0) END::bigint
                AS users
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            JOIN pg_stats s ON s.schemaname = n.nspname AND s.tablename = c.relname AND s.attname = 'user_id'
            WHERE c.oid = to_regclass($1)
            """, [.text(events)], doing: "estimating the number of users"
        ).first
        return try row?.int("users")
    }

    /// Throws where the server's disk would not hold the release.
    ///
    /// - Parameter what: that is to be made, in the words of the message.
    static func requireRoom(
        forRelease candidates: Int, users: Int?, unlogged: Bool, what: String = "a release", context: RunContext,
        on connection: Connection
    ) throws {
        guard let users, let server = try ofServer(on: connection) else {
            return context.log.info(
                "storage is not forecast: the server's disk or the number of users is not known here")
        }
        let needed = try forecast(users: users, candidates: candidates, unlogged: unlogged, on: connection)
        context.log.info(
            "storage forecast", metadata: ["needed": "\(sizeText(needed))", "free": "\(sizeText(server.free))"])
        guard server.free >= needed else {
            throw JobError.noRoom(
                what: "\(what) of \(users) users", needed: needed, free: server.free, at: server.path)
        }
    }
}

func isFolder(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
}
