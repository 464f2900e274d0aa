import Foundation
import Postgres
import TestSupport
import Testing

/// A database and a folder of one test's own, with a small shop in them; both go when the test lets go.
final class Shop {
    let folder: String
    let database: String
    /// To the shop's database.
    let connection: Connection
    let commands: Commands
    private let server: Connection

    /// The newest event of the simulated shop lies before it, and some of its events after the eve.
    static let asOf = "2026-01-01T00:00:00Z"
    static let candidates = 20

    /// Small enough that training is a matter of milliseconds.
    private static let settings = [
        "NEARLINE_EPOCHS": "2", "NEARLINE_WIDTH": "16", "NEARLINE_HEADS": "2", "NEARLINE_NEGATIVES": "64",
        "NEARLINE_CANDIDATES": "\(candidates)", "NEARLINE_THREADS": "1",
    ]

    /// An empty database.
    init() throws {
        try TestDatabase.requireCluster()
        let mark = String(UInt64.random(in: .min ... .max), radix: 36)
        database = "nearline_test_\(mark)"
        folder = FileManager.default.temporaryDirectory.path + "/nearline-command-\(mark)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        server = try Connection(applicationName: "nearline-tests")
        try server.execute("CREATE DATABASE \(database)", doing: "creating the test's database")
        connection = try Connection("dbname=\(database)", applicationName: "nearline-tests")
        commands = Commands(
            folder: folder, Shop.settings.merging(["PGDATABASE": database, "NEARLINE_MODELS": "\(folder)/models"]) { $1 })
    }

    /// A migrated database with a simulated shop of 60 users and 120 items.
    static func imported() throws -> Shop {
        let shop = try Shop()
        try shop.succeed("migrate")
        try shop.simulate()
        try shop.succeed("import", "events.csv", "items.csv")
        return shop
    }

    /// The same with a model and a release that is served.
    static func published() throws -> Shop {
        let shop = try imported()
        try shop.succeed("train", "--as-of", asOf)
        try shop.succeed("precompute", "--as-of", asOf)
        return shop
    }

    deinit {
        try? FileManager.default.removeItem(atPath: folder)
        do {
            try server.execute("DROP DATABASE \(database) WITH (FORCE)", doing: "dropping the test's database")
        } catch {
            print("database \(database) was left behind: \(error)")
        }
    }

    func simulate() throws {
        try succeed(
            "simulate", folder, "--users", "60", "--items", "120", "--categories", "6", "--sellers", "5", "--days", "20")
    }

    /// Runs a command that has to succeed, and returns its answer.
    @discardableResult
    func succeed(
        _ arguments: String..., with settings: [String: String] = [:],
        at location: SourceLocation = #_sourceLocation
    ) throws -> String {
        let ended = try commands.run(arguments, with: settings)
        try #require(ended.code == 0, "\(arguments): \(ended.errors)", sourceLocation: location)
        return ended.output
    }

    /// Runs a command that has to fail with this code and these words, and to leave what is served as it was.
    @discardableResult
    func refuse(
        _ arguments: String..., code: Int32, saying words: [String], with settings: [String: String] = [:],
        at location: SourceLocation = #_sourceLocation
    ) throws -> Ended {
        let before = try served()
        let ended = try commands.run(arguments, with: settings)
        #expect(ended.code == code, "\(arguments): \(ended.errors)", sourceLocation: location)
        for word in words {
            #expect(ended.errors.contains(word), "'\(word)' is not in: \(ended.errors)", sourceLocation: location)
        }
        #expect(ended.output.isEmpty, "standard output is for answers", sourceLocation: location)
        #expect(try served() == before, "what is served has changed", sourceLocation: location)
        return ended
    }

    /// The bytes that `lookup` answers for some user with a list and for one without; a failure is an answer too.
    func served() throws -> String {
        let user = try? text("SELECT min(user_id)::text AS text FROM shop.events")
        let answers = try [user ?? "1", "999999"].map {
            try commands.run(["lookup", $0, "--count", "\(Shop.candidates)", "--json"])
        }
        return answers.map { "\($0.code) \($0.output)" }.joined()
    }

    func execute(_ sql: String) throws { try connection.script(sql, doing: "preparing a test") }

    /// The column `text` of the one row of an answer.
    func text(_ sql: String) throws -> String {
        try connection.execute(sql, doing: "looking at the test's database")[0].string("text")
    }

    /// The column `text` of every row of an answer.
    func texts(_ sql: String) throws -> [String] {
        try connection.execute(sql, doing: "looking at the test's database").map { try $0.string("text") }
    }

    func number(_ sql: String) throws -> Int {
        try connection.execute("SELECT (\(sql))::bigint AS number", doing: "counting")[0].int("number")
    }

    func write(_ text: String, to name: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
    }

    func bytes(of path: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path)) }

    /// The one model file of a folder.
    func modelFile(in models: String = "models") throws -> String {
        let names = try files(in: models).filter { $0.hasSuffix(".safetensors") && !$0.contains("checkpoint") }
        try #require(names.count == 1, "model files: \(names)")
        return "\(folder)/\(models)/\(names[0])"
    }

    func files(in name: String) throws -> [String] {
        guard FileManager.default.fileExists(atPath: "\(folder)/\(name)") else { return [] }
        return try FileManager.default.contentsOfDirectory(atPath: "\(folder)/\(name)").sorted()
    }

    /// Every table of the database with a hash of its rows: what a dry run must not change.
    func contents() throws -> [String: String] {
        let tables = try texts(
            """
            SELECT format('%I.%I', schemaname, tablename) AS text FROM pg_tables
            WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
            """)
        var contents: [String: String] = [:]
        for table in tables {
            contents[table] = try text(
                "SELECT md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) AS text FROM \(table) t")
        }
        return contents
    }

    /// The lists, transitions and fallback of a release, byte for byte.
    func payloads(ofRelease release: Int) throws -> String {
        try text(
            """
            SELECT concat_ws(' ',
                (SELECT md5(string_agg(user_id || encode(payload, 'hex'), ',' ORDER BY user_id))
                    FROM nearline.candidate WHERE release = \(release)),
                (SELECT md5(string_agg(key || encode(payload, 'hex'), ',' ORDER BY key))
                    FROM nearline.transition WHERE release = \(release)),
                (SELECT md5(string_agg(item_row || ' ' || item_id || ' ' || lists, ',' ORDER BY item_row))
                    FROM nearline.release_item WHERE release = \(release)),
                (SELECT md5(payload) FROM nearline.fallback WHERE release = \(release))) AS text
            """)
    }

    func currentRelease() throws -> Int { try number("SELECT release FROM nearline.current_release") }

    /// Tables of releases that no reader will ever see.
    func strayTables() throws -> [String] {
        try texts(
            """
            SELECT relname::text AS text FROM pg_class c WHERE relnamespace = 'nearline'::regnamespace
                AND relkind = 'r' AND relname ~ '_r[0-9]+$'
                AND NOT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = c.oid)
            """)
    }

    /// Waits until the server, too, knows that a killed process is gone.
    func awaitEndOfSessions() throws {
        try await("the end of the sessions of a killed process") {
            try number(
                """
                SELECT count(*) FROM pg_stat_activity
                WHERE datname = current_database() AND application_name LIKE 'nearline %'
                """) == 0
        }
    }

    /// Waits until a session of a command waits for a lock that the test holds.
    func awaitLockWait(of command: String) throws {
        try await("\(command) waiting for a lock") {
            try number(
                """
                SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                    AND application_name LIKE 'nearline \(command)%' AND wait_event_type = 'Lock'
                """) > 0
        }
    }

    /// Holds a lock that stops a command at a known place, while `body` runs.
    func holding<Result>(_ table: String, _ body: () throws -> Result) throws -> Result {
        let holder = try Connection("dbname=\(database)", applicationName: "nearline-tests")
        return try holder.transaction(doing: "holding \(table)") {
            try holder.execute("LOCK TABLE \(table) IN ACCESS EXCLUSIVE MODE", doing: "holding \(table)")
            return try body()
        }
    }
}
