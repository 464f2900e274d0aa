import Foundation
import Testing

/// A server that is away, a role that may not, a schema of another time.
@Suite struct ServerTests {
    private static let commands = [
        ["doctor"], ["migrate"], ["import", "events.csv"], ["train"], ["evaluate", "--as-of", Shop.asOf],
        ["precompute"], ["publish"], ["lookup", "1"], ["runs"],
    ]

    @Test func everyCommandSaysThatTheServerIsAway() throws {
        let shop = try Shop()
        try shop.write("user_id,item_id,timestamp\n1,2,2025-01-01\n", to: "events.csv")
        for arguments in Self.commands {
            let ended = try shop.commands.run(arguments, with: ["PGHOST": shop.folder])
            #expect(ended.code == 69, "\(arguments): \(ended.errors)")
            #expect((ended.output + ended.errors).contains("check that the server runs"), "\(arguments)")
        }
    }

    @Test func databaseThatDoesNotExistIsUnreachable() throws {
        let shop = try Shop()
        let ended = try shop.commands.run(["runs"], with: ["PGDATABASE": "nearline_no_such_database"])
        #expect(ended.code == 69)
        #expect(ended.errors.contains("create the database"), "\(ended.errors)")
    }

    @Test func roleWithoutGrantsIsToldSo() throws {
        let shop = try Shop.published()
        let role = shop.database + "_nobody"
        try shop.execute("CREATE ROLE \(role) LOGIN")
        defer { try? shop.execute("DROP OWNED BY \(role); DROP ROLE \(role)") }
        let asRole = ["PGUSER": role]
        for arguments in Self.commands {
            let ended = try shop.commands.run(arguments, with: asRole)
            #expect(ended.code == 77, "\(arguments): \(ended.errors)")
            #expect((ended.output + ended.errors).contains("grant this role what it lacks"), "\(arguments)")
        }
        // May look, may not touch: lookups work, and writing is refused.
        try shop.execute(
            """
            GRANT USAGE ON SCHEMA nearline, shop TO \(role);
            GRANT SELECT ON ALL TABLES IN SCHEMA nearline, shop TO \(role)
            """)
        #expect(try shop.commands.run(["lookup", "--any"], with: asRole).code == 0)
        #expect(try shop.commands.run(["runs"], with: asRole).code == 0)
        try shop.refuse(
            "precompute", "--as-of", Shop.asOf, "--again", code: 77, saying: ["permission denied", "grant"],
            with: asRole)
        try shop.refuse("train", "--as-of", Shop.asOf, "--again", code: 77, saying: ["grant"], with: asRole)
    }

    @Test func unknownRoleIsAGrantToBeMade() throws {
        let shop = try Shop()
        let ended = try shop.commands.run(["runs"], with: ["PGUSER": "nearline_no_such_role"])
        #expect(ended.code == 77, "\(ended.errors)")
    }

    @Test func everyCommandAsksForMigrateInAnEmptyDatabase() throws {
        let shop = try Shop()
        try shop.write("user_id,item_id,timestamp\n1,2,2025-01-01\n", to: "events.csv")
        for arguments in Self.commands where arguments != ["migrate"] {
            let ended = try shop.commands.run(arguments)
            #expect(ended.code == 76, "\(arguments): \(ended.errors)")
            #expect((ended.output + ended.errors).contains("run: nearline migrate"), "\(arguments)")
        }
    }

    @Test func olderSchemaAsksForMigrate() throws {
        let shop = try Shop.published()
        let newest = try shop.number("SELECT max(number) FROM nearline.migration")
        try shop.execute("DELETE FROM nearline.migration WHERE number = \(newest)")
        try shop.refuse(
            "precompute", "--as-of", Shop.asOf, code: 76,
            saying: ["migration \(newest - 1)", "needs \(newest)", "run: nearline migrate"])
    }

    /// A run of the old version would go on as if its tables were still what they were.
    @Test func whileARunIsAtWorkNothingIsMigratedUnderIt() throws {
        let shop = try Shop.published()
        let newest = try shop.number("SELECT max(number) FROM nearline.migration")
        let ended = try shop.holding("nearline.fallback") {
            let running = try shop.commands.start(["precompute", "--as-of", Shop.asOf, "--again"])
            try shop.awaitLockWait(of: "precompute")
            try shop.execute(
                """
                CREATE TABLE public.taken AS SELECT * FROM nearline.migration WHERE number = \(newest);
                DELETE FROM nearline.migration WHERE number = \(newest)
                """)
            let refused = try shop.commands.run(["migrate"])
            #expect(refused.code == 75 && refused.errors.contains("precompute is already running"), "\(refused)")
            try shop.execute("INSERT INTO nearline.migration SELECT * FROM public.taken")
            return running
        }.wait()
        #expect(ended.code == 0, "\(ended.errors)")
    }

    @Test(arguments: ["precompute", "migrate", "lookup"]) func newerSchemaIsLeftAlone(_ command: String) throws {
        let shop = try Shop.published()
        let newest = try shop.number("SELECT max(number) FROM nearline.migration")
        try shop.execute("INSERT INTO nearline.migration VALUES (\(newest + 1), 'later', 'hash')")
        let before = try shop.contents()
        let ended = try shop.commands.run([command] + (command == "lookup" ? ["1"] : []))
        #expect(ended.code == 76, "\(ended.errors)")
        #expect(ended.errors.contains("at migration \(newest + 1)") && ended.errors.contains("use the newer nearline"))
        #expect(try shop.contents() == before)
        try shop.execute("DELETE FROM nearline.migration WHERE number = \(newest + 1)")
        #expect(try shop.commands.run(["lookup", "--any"]).code == 0)
    }

    /// SQL_ASCII takes any bytes, and LATIN1 orders them otherwise.
    @Test(arguments: ["SQL_ASCII", "LATIN1"]) func databaseOfAnotherEncodingIsRefusedBeforeAnythingIsMade(
        _ name: String
    )
        throws
    {
        let shop = try Shop(), database = "\(shop.database)_other"
        try shop.connection.execute(
            "CREATE DATABASE \(database) ENCODING '\(name)' LOCALE 'C' TEMPLATE template0", doing: "making a database")
        defer { try? shop.execute("DROP DATABASE \(database)") }
        for command in [["migrate"], ["doctor"], ["precompute"]] {
            let ended = try shop.commands.run(command, with: ["PGDATABASE": database])
            #expect(ended.code == 78, "\(command): \(ended)")
            #expect((ended.output + ended.errors).contains("is encoded in \(name)"), "\(command): \(ended)")
        }
    }

    @Test(arguments: ["precompute", "migrate"]) func migrationWithOtherContentsIsRefused(_ command: String) throws {
        let shop = try Shop.published()
        try shop.execute("UPDATE nearline.migration SET hash = 'other' WHERE number = 2")
        let ended = try shop.commands.run([command])
        #expect(ended.code == 76)
        #expect(ended.errors.contains("migration 2 (unpack) was applied with other contents"), "\(ended.errors)")
    }
}
