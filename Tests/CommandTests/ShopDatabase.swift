import Foundation
import Postgres
import Testing

/// What tests look at and change behind the executable's back.
extension Shop {
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
        try waitUntil("the end of the sessions of a killed process") {
            try number(
                """
                SELECT count(*) FROM pg_stat_activity
                WHERE datname = current_database() AND application_name LIKE 'nearline %'
                """) == 0
        }
    }

    /// Waits until a session of a command waits for a lock that the test holds.
    func awaitLockWait(of command: String) throws {
        try waitUntil("\(command) waiting for a lock") {
            try number(
                """
                SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                    AND application_name LIKE 'nearline \(command)%' AND wait_event_type = 'Lock'
                """) > 0
        }
    }

    /// Stops a process where it is, and waits until it stands still and the server has done what it was sent: a heartbeat on its
    /// way would renew a lease that a test lets run out.
    func freeze(_ running: RunningCommand, _ command: String) throws {
        running.send(SIGSTOP)
        try waitUntil("\(command) standing still") {
            let tasks = "/proc/\(running.identifier)/task"
            return try FileManager.default.contentsOfDirectory(atPath: tasks).allSatisfy {
                let stat = try String(contentsOfFile: "\(tasks)/\($0)/stat", encoding: .utf8)
                return stat[stat.lastIndex(of: ")")!...].dropFirst(2).first == "T"
            }
        }
        var idle = 0
        try waitUntil("the sessions of \(command) being idle") {
            // More than once: what it has sent may not have arrived.
            idle =
                try number(
                    """
                    SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                        AND application_name LIKE 'nearline \(command)%' AND state = 'active'
                        AND coalesce(wait_event_type, '') NOT IN ('Lock', 'Client')
                    """) == 0 ? idle + 1 : 0
            return idle == 5
        }
    }

    /// Holds a lock that stops a command at a known place, while `body` runs.
    func holding<Result>(
        _ table: String, in mode: String = "ACCESS EXCLUSIVE", _ body: () throws -> Result
    ) throws -> Result {
        let holder = try Connection("dbname=\(database)", applicationName: "nearline-tests")
        return try holder.transaction(doing: "holding \(table)") {
            try holder.execute("LOCK TABLE \(table) IN \(mode) MODE", doing: "holding \(table)")
            return try body()
        }
    }
}
