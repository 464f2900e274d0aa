import Postgres
import Testing

/// The three roles: each logs in, does with real commands what it is for, and tries what it may not.
@Suite(.serialized) struct RolesTests {
    private static let notAllowed = "42501"
    private static let night = ["--as-of", Shop.asOf]

    private func expect(
        _ ended: Ended, _ code: Int32, _ arguments: [String], at location: SourceLocation = #_sourceLocation
    ) {
        #expect(ended.code == code, "\(arguments): \(ended.errors)", sourceLocation: location)
    }

    @Test func aWorkerDoesTheWholeNightFromTheFirstReleaseOn() throws {
        let shop = try Shop.imported()
        try shop.makeRoles()
        let worker = try RoleLogin("worker", at: shop)
        let settings = ["NEARLINE_SNAPSHOTS": "\(shop.folder)/snapshots"]
        for arguments in [
            ["doctor"], ["train"] + Self.night, ["precompute"] + Self.night, ["transitions", "--again"] + Self.night,
            ["precompute", "--again", "--no-publish"] + Self.night, ["publish"], ["rollback", "--reason", "a test"],
            ["precompute", "--again"] + Self.night, ["prune", "--keep", "1"], ["releases"], ["runs"],
            ["status", "--max-age", "100000d"], ["lookup", "--any"], ["clusters"], ["migrate"],
        ] {
            // Without a model it is not well yet; all else is done.
            let expected: Int32 = arguments == ["doctor"] ? 65 : 0
            expect(try worker.run(arguments, with: settings), expected, arguments)
        }
        #expect(try shop.currentRelease() == 3)
        #expect(try shop.texts("SELECT DISTINCT role AS text FROM nearline.release_event") == [worker.name])
        #expect(try shop.strayTables() == [])
    }

    @Test func aWorkerBackfillsAndIsToldWhatItMayNotSee() throws {
        let shop = try Shop.published()
        try shop.makeRoles()
        let worker = try RoleLogin("worker", at: shop)
        for (arguments, code): ([String], Int32) in [
            (["--from", "2025-12-30", "--to", "2025-12-31", "--with-later-model"], 0), (["--where", "true"], 0),
            (["--where", "true", "--pause-if", "connections>100000"], 0),
            (["--where", "true", "--pause-if", "replication-lag>30s"], 77),
        ] {
            expect(try worker.run(["backfill"] + arguments), code, arguments)
        }
        expect(try worker.run(["precompute", "--date", "2026-01-02"]), 0, ["precompute"])
        expect(try worker.run(["prune", "--history"]), 0, ["prune"])
        #expect(try shop.number("SELECT count(*) FROM nearline.release WHERE is_history AND pruned_at IS NULL") == 0)
    }

    @Test func oneWorkerGoesOnWithTheReleasesOfAnotherAndOfThoseBeforeTheRoles() throws {
        let shop = try Shop.withHistory()
        try shop.makeRoles()
        let first = try RoleLogin("worker", at: shop), second = try RoleLogin("worker", at: shop)
        expect(try first.run(["precompute", "--again"] + Self.night), 0, ["precompute"])
        expect(try second.run(["precompute", "--again"] + Self.night), 0, ["precompute"])
        expect(try second.run(["prune", "--keep", "1"]), 0, ["prune"])
        #expect(try shop.number("SELECT count(*) FROM nearline.release WHERE pruned_at IS NOT NULL") > 2)
        #expect(try shop.number("SELECT count(*) FROM pg_class WHERE relname = 'candidate_r1'") == 0)
        let owners = try shop.texts(
            """
            SELECT DISTINCT relowner::regrole::text AS text FROM pg_class WHERE relnamespace = 'nearline'::regnamespace
                AND relkind IN ('r', 'p') AND relname ~ '^(candidate|overlay|transition|release_item)(_r[0-9]+)?$'
            """)
        #expect(owners == ["nearline_worker"])
    }

    @Test func aWorkerChangesNoBookNoSourceAndNothingElse() throws {
        let shop = try Shop.published()
        try shop.makeRoles()
        let worker = try RoleLogin("worker", at: shop)
        for sql in [
            "DROP TABLE shop.events", "DELETE FROM shop.events", "UPDATE shop.items SET title = ''",
            "INSERT INTO shop.exclusions DEFAULT VALUES", "CREATE TABLE shop.mine (n int)", "CREATE SCHEMA mine",
            "SELECT * FROM private.salaries", "DELETE FROM nearline.run", "DROP TABLE nearline.run",
            "DELETE FROM nearline.release", "DELETE FROM nearline.release_event",
            "UPDATE nearline.release_event SET role = 'x'", "DELETE FROM nearline.quarantine",
            "INSERT INTO nearline.release_event (release, becomes) VALUES (1, 'x')",
            "INSERT INTO nearline.migration VALUES (99, 'x', 'x')", "INSERT INTO nearline.forgotten VALUES ('1')",
            "DELETE FROM nearline.forgotten", "SELECT nearline.forget('1')", "SELECT nearline.create_roles()",
            "SELECT nearline.grant_roles()", "SELECT nearline.grant_reader('public')", "CREATE ROLE mine",
            "ALTER TABLE nearline.release ADD COLUMN mine int", "DROP VIEW nearline.status",
            "DROP SCHEMA nearline CASCADE",
            "GRANT nearline_admin TO CURRENT_USER", "SET ROLE nearline_admin",
            "ALTER TABLE nearline.release DISABLE TRIGGER ALL",
        ] {
            #expect(worker.refusal(of: sql) == Self.notAllowed, "\(sql)")
        }
        try shop.refuse("forget", "1", code: 77, saying: ["grant this role"], with: ["PGUSER": worker.name])
    }

    @Test func onlyAnAdminGoesPastTheGates() throws {
        let shop = try Shop.published()
        try shop.makeRoles()
        let worker = try RoleLogin("worker", at: shop), admin = try RoleLogin("admin", at: shop)
        let strict = ["NEARLINE_MIN_USERS": "1000000"], force = ["publish", "2", "--force", "--reason", "a test"]
        expect(try worker.run(["precompute", "--again"] + Self.night, with: strict), 65, ["precompute"])
        let refused = try worker.run(force, with: strict)
        expect(refused, 77, force)
        #expect(refused.errors.contains("may not go past the gates"), "\(refused.errors)")
        #expect(try shop.currentRelease() == 1)
        expect(try admin.run(force, with: strict), 0, force)
        #expect(try shop.currentRelease() == 2)
        let back = ["rollback"], again = ["publish", "2", "--force", "--reason", "after all"]
        expect(try worker.run(back), 0, back)
        expect(try worker.run(again), 77, again)
        let anyway = ["transitions", "--again", "--force", "--reason", "a test"] + Self.night
        expect(try worker.run(anyway), 77, anyway)
        expect(try admin.run(anyway), 0, anyway)
    }

    @Test func anAdminForgetsMigratesAndLetsOthersIn() throws {
        let shop = try Shop.published()
        try shop.makeRoles()
        let admin = try RoleLogin("admin", at: shop)
        let user = try shop.text("SELECT min(user_id)::text AS text FROM nearline.candidate")
        for arguments in [
            ["forget", user], ["migrate"], ["migrate", "--roles"], ["releases", "pin", "1", "--reason", "x"],
        ] {
            expect(try admin.run(arguments), 0, arguments)
        }
        #expect(try shop.number("SELECT count(*) FROM nearline.candidate WHERE user_id = \(user)") == 0)
        let newcomer = try RoleLogin(nil, at: shop)
        #expect(admin.refusal(of: "GRANT nearline_reader TO \"\(newcomer.name)\"") == nil)
        #expect(admin.refusal(of: "GRANT nearline_worker TO \"\(newcomer.name)\"") == nil)
        #expect(admin.refusal(of: "SELECT nearline.grant_roles()") == nil)
        for sql in ["SELECT * FROM private.salaries", "DROP TABLE shop.events", "CREATE ROLE mine"] {
            #expect(admin.refusal(of: sql) == Self.notAllowed, "\(sql)")
        }
    }

    @Test func aReaderGetsTheOwnersAnswersAndNothingElse() throws {
        let shop = try Shop.published()
        try shop.makeRoles()
        let reader = try RoleLogin("reader", at: shop), worker = try RoleLogin("worker", at: shop)
        expect(try worker.run(["precompute", "--again"] + Self.night), 0, ["precompute"])
        let user = try shop.text("SELECT min(user_id)::text AS text FROM nearline.candidate")
        for question in [
            "SELECT * FROM nearline.lookup(\(user))", "SELECT * FROM nearline.candidates ORDER BY 1, 2",
            "SELECT * FROM nearline.exposure ORDER BY 1", "SELECT * FROM nearline.next_clusters()",
            "SELECT * FROM nearline.candidate_r2 ORDER BY 1", "SELECT * FROM nearline.lookup_in(1, \(user))",
        ] {
            #expect(try reader.connection.rows(question) == shop.connection.rows(question), "\(question)")
        }
        for sql in [
            "SELECT * FROM nearline.run", "SELECT * FROM nearline.quarantine", "SELECT * FROM nearline.forgotten",
            "SELECT * FROM shop.events", "DELETE FROM nearline.candidate", "DROP TABLE nearline.candidate_r2",
            "UPDATE nearline.current_release SET release = 1", "CREATE TABLE nearline.mine (n int)",
            "SELECT nearline.traces_of('1')", "SELECT nearline.forget('1')",
        ] {
            #expect(reader.refusal(of: sql) == Self.notAllowed, "\(sql)")
        }
    }

    @Test func whoMayNotCreateRolesIsToldWhatAnAdministratorHasToRun() throws {
        let shop = try Shop(), owner = try RoleLogin(nil, at: shop)
        try shop.execute("GRANT CREATE ON DATABASE \(shop.database) TO \"\(owner.name)\"")
        expect(try owner.run(["migrate"]), 0, ["migrate"])
        let refused = try owner.run(["migrate", "--roles"])
        expect(refused, 77, ["migrate", "--roles"])
        #expect(refused.errors.contains("GRANT nearline_admin TO \"\(owner.name)\""), "\(refused.errors)")
        #expect(try shop.texts("SELECT nearline.has_roles()::text AS text") == ["false"])
    }
}
