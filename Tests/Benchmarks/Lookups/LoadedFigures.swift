import Domain
import Glibc
import Postgres
import ResultTables
import Snapshots
import TestSupport

/// One release in a database of its own, beside it a plain table, a snapshot file and an LMDB environment with the same
/// payload bytes; all are removed at the end.
final class LoadedFigures {
    let lists: DrawnLists
    let transitions = DrawnTransitions()
    let database: String
    let connection: Connection
    let folder: String
    let snapshotPath: String
    let lmdb: LMDB?
    private(set) var payloadBytes = 0
    private(set) var sizes: [(String, Int)] = []
    private let maintenance: Connection

    private static let shard = 20_000

    init(_ lists: DrawnLists) throws {
        self.lists = lists
        var template = Array("/tmp/lookup-figures-XXXXXX".utf8CString)
        folder = String(cString: mkdtemp(&template))
        database = "lookup_figures_" + String(UInt32.random(in: .min ... .max), radix: 36)
        maintenance = try Connection("dbname=postgres", applicationName: "lookup-figures")
        try maintenance.execute("CREATE DATABASE \(database)", doing: "creating a database")
        connection = try Connection("dbname=\(database)", applicationName: "lookup-figures")
        _ = try Migrator(connection).migrate()
        let release = try Self.writeRelease(lists, transitions, connection)
        let snapshots = SnapshotFolder(folder)
        let snapshotBytes = try SnapshotExport(connection).write(release, into: snapshots) { _ in }
        snapshotPath = snapshots.file(of: release)
        lmdb = try Self.writeLMDB(folder, release, connection)
        try Self.writePlain(release, connection)
        payloadBytes = try number("SELECT payload_bytes FROM nearline.release")
        let itemBytes = 8 + 8 * lists.items
        sizes = [
            ("PostgreSQL: leaf and its index", try number(Self.size("nearline.candidate_r\(release)"))),
            ("plain table and its index", try number(Self.size("plain"))),
            ("snapshot, but for the item dictionary", snapshotBytes - itemBytes),
            ("snapshot with the dictionary of \(lists.items) items", snapshotBytes),
        ]
        if let lmdb { sizes.append(("LMDB", lmdb.byteCount)) }
    }

    deinit {
        _ = try? maintenance.execute("DROP DATABASE \(database) WITH (FORCE)", doing: "dropping a database")
        for name in ["lmdb", "lmdb-lock"] { unlink("\(folder)/\(name)") }
        unlink(snapshotPath)
        rmdir(folder)
    }

    private func number(_ query: String) throws -> Int {
        try connection.execute("SELECT (\(query))::bigint AS n", doing: "measuring")[0].int("n")
    }

    private static func size(_ table: String) -> String {
        "SELECT pg_table_size('\(table)') + pg_indexes_size('\(table)')"
    }

    private static func writeRelease(
        _ lists: DrawnLists, _ transitions: DrawnTransitions, _ connection: Connection
    ) throws -> Int {
        try connection.script(
            """
            INSERT INTO nearline.model (model, file, as_of, vocabulary_hash, item_type, settings)
            VALUES ('drawn', 'none', now(), 'none', 'bigint', '{}')
            """, doing: "registering a model")
        let writer = try ReleaseWriter(
            ReleaseFacts(
                model: "drawn", asOf: "2026-01-01Z", serveAt: "2026-01-01Z", settingsHash: "none",
                candidatesPerUser: DrawnLists.length),
            userType: .bigint, itemType: .bigint, items: lists.items, on: connection)
        for start in stride(from: 0, to: lists.users, by: shard) {
            try writer.write(
                (start..<min(lists.users, start + shard)).map { (.integer(lists.key($0)), lists.list($0)) })
        }
        try writer.writeFallback(lists.list(lists.users))
        let drawn = transitions.all
        try writer.write(TransitionBuild(clusters: drawn.clusters, transitions: drawn.transitions))
        let none = [Int32](repeating: 0, count: lists.items)
        try writer.finish(
            Vocabulary(
                itemType: .bigint, items: (0..<lists.items).map { .integer(lists.item($0)) }, category: none,
                seller: none, categories: [""], sellers: [""], scenes: [""]))
        try ReleaseSwitch(connection).publish(writer.release)
        return writer.release
    }

    private static func writePlain(_ release: Int, _ connection: Connection) throws {
        for statement in [
            "CREATE TABLE plain (user_id bigint NOT NULL, payload bytea NOT NULL)",
            "ALTER TABLE plain ALTER COLUMN payload SET STORAGE EXTERNAL",
            "INSERT INTO plain SELECT user_id, payload FROM nearline.candidate_r\(release) ORDER BY user_id",
            "ALTER TABLE plain ADD PRIMARY KEY (user_id)", "VACUUM (FREEZE, ANALYZE) plain",
            "CREATE TABLE plain_transition (key bigint NOT NULL, payload bytea NOT NULL)",
            "ALTER TABLE plain_transition ALTER COLUMN payload SET STORAGE EXTERNAL",
            "INSERT INTO plain_transition SELECT key, payload FROM nearline.transition_r\(release) ORDER BY key",
            "ALTER TABLE plain_transition ADD PRIMARY KEY (key)", "VACUUM (FREEZE, ANALYZE) plain_transition",
            "VACUUM (FREEZE, ANALYZE) nearline.current_release", "VACUUM (FREEZE, ANALYZE) nearline.release",
            "VACUUM (FREEZE, ANALYZE) nearline.transition_r\(release)", "CHECKPOINT",
        ] { try connection.execute(statement, doing: "making a plain table") }
    }

    private static func writeLMDB(_ folder: String, _ release: Int, _ connection: Connection) throws -> LMDB? {
        guard let lmdb = try LMDB(writing: folder + "/lmdb") else { return nil }
        try connection.copyOut(
            "SELECT user_id, payload FROM nearline.candidate_r\(release) ORDER BY user_id", doing: "filling LMDB"
        ) { row in
            let key = try row.bytes()!
            try lmdb.append(key, try row.bytes()!)
        }
        try lmdb.finish()
        return lmdb
    }
}
