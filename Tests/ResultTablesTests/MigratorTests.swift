import Postgres
import ResultTables
import Schema
import TestSupport
import Testing

@Suite struct MigratorTests {
    private let database: EmptyDatabase

    init() throws { database = try EmptyDatabase() }

    private func tables() throws -> [String] {
        try database.texts(
            "SELECT relname::text AS it FROM pg_class WHERE relnamespace = to_regnamespace('nearline') ORDER BY 1")
    }

    @Test func anEmptyDatabaseGetsEveryStepOnce() throws {
        let migrator = Migrator(database.connection)
        #expect(try migrator.pending().map(\.number) == Migration.all.map(\.number))
        #expect(try migrator.migrate().map(\.number) == Migration.all.map(\.number))
        let recorded = try database.texts(
            "SELECT number || ' ' || name || ' ' || hash AS it FROM nearline.migration ORDER BY number")
        #expect(recorded == Migration.all.map { "\($0.number) \($0.name) \($0.hash)" })
        #expect(throws: Never.self) { try migrator.requireCurrent() }
    }

    @Test func stepsAreNumberedFromOneWithoutGaps() {
        #expect(Migration.all.map(\.number) == Array(1...Migration.all.count))
        #expect(Migration.all.allSatisfy { $0.sql.hasPrefix("-- \("000\($0.number)".suffix(4))_\($0.name).sql") })
    }

    @Test func aSecondTimeNothingIsDone() throws {
        _ = try Migrator(database.connection).migrate()
        let before = try tables()
        #expect(try Migrator(database.connection).migrate().isEmpty)
        #expect(try Migrator(database.connection).pending().isEmpty)
        #expect(try tables() == before)
        #expect(try database.number("SELECT count(*) FROM nearline.migration") == Migration.all.count)
    }

    @Test func ofSeveralAtOnceOneMigratesAndTheOthersFindNothingToDo() throws {
        let name = database.name
        let applied = inThreads(4) { _ in
            let connection = try Connection("dbname=\(name)", applicationName: "nearline-tests")
            return try Migrator(connection).migrate().count
        }
        let counts = try applied.map { try $0.get() }
        #expect(counts.sorted() == [0, 0, 0, Migration.all.count])
    }

    /// The database as the first `steps` migrations left it.
    private func migrated(to steps: Int) throws {
        try database.run(
            """
            CREATE SCHEMA nearline;
            CREATE TABLE nearline.migration (number int PRIMARY KEY, name text NOT NULL, hash text NOT NULL,
                applied_at timestamptz NOT NULL DEFAULT now())
            """)
        for step in Migration.all.prefix(steps) {
            try database.run(step.sql)
            try database.run(
                "INSERT INTO nearline.migration VALUES (\(step.number), '\(step.name)', '\(step.hash)')")
        }
    }

    @Test func onlyWhatIsMissingIsApplied() throws {
        try migrated(to: 2)
        let migrator = Migrator(database.connection)
        let error = thrown(SchemaError.self) { try migrator.requireCurrent() }
        #expect(error == .older(found: 2, needed: Migration.all.count))
        let missing = Array(3...Migration.all.count)
        #expect(try migrator.pending().map(\.number) == missing)
        #expect(try migrator.migrate().map(\.number) == missing)
        #expect(throws: Never.self) { try migrator.requireCurrent() }
    }

    @Test func aStepThatWasAppliedAsItStoodBeforeEndsInTheSameSchema() throws {
        try migrated(to: 6)
        try database.run(
            """
            UPDATE nearline.migration SET hash = '7ffa5bbd75e94eb058678d1f06595e07' WHERE number = 6;
            CREATE OR REPLACE FUNCTION nearline.create_transition_functions(item_type text) RETURNS void
            LANGUAGE plpgsql AS 'BEGIN END'
            """)
        #expect(try Migrator(database.connection).migrate().map(\.number) == Array(7...Migration.all.count))
        let fresh = try EmptyDatabase.migrated()
        let source = "SELECT prosrc AS text FROM pg_proc WHERE proname = 'create_transition_functions'"
        #expect(
            try database.connection.execute(source, doing: "reading")[0].string("text")
                == fresh.connection.execute(source, doing: "reading")[0].string("text"))
    }

    /// A release of the first version: its tables, its payloads, and one that failed.
    @Test func aReleaseOfTheFirstVersionIsServedAndCanBeReplacedAfterTheMigration() throws {
        try migrated(to: 3)
        try database.run(
            """
            INSERT INTO nearline.model VALUES ('m1', 'm1.safetensors', '2025-01-01Z', 'h', 'bigint', '{}');
            SELECT nearline.create_result_tables('bigint', 'bigint');
            INSERT INTO nearline.release (state, model, as_of, serve_at, settings_hash, candidates_per_user, users, items,
                transitions, reason, published_at)
            SELECT state, 'm1', '2025-01-01Z', '2025-01-01Z', 's', 3, 1, 2, 0, 'why', now()
            FROM unnest(ARRAY['superseded', 'failed', 'current']) AS s (state);
            """)
        for release in [1, 3] {
            try database.run(
                """
                CREATE TABLE nearline.candidate_r\(release) PARTITION OF nearline.candidate (PRIMARY KEY (user_id)) FOR VALUES IN (\(release));
                CREATE TABLE nearline.transition_r\(release) PARTITION OF nearline.transition (PRIMARY KEY (key)) FOR VALUES IN (\(release));
                CREATE TABLE nearline.release_item_r\(release) PARTITION OF nearline.release_item (PRIMARY KEY (item_row)) FOR VALUES IN (\(release));
                INSERT INTO nearline.release_item VALUES (\(release), 5, 105, 1, 1), (\(release), 300, 400, 1, 1), (\(release), 70000, 7, 1, 1);
                INSERT INTO nearline.candidate VALUES
                    (17, \(release), '\\x4e010000030015000000da73f499052c70000111000001000000000001c00474000103')
                """)
        }
        try database.run("INSERT INTO nearline.current_release (release) VALUES (3)")
        #expect(try Migrator(database.connection).migrate().map(\.number) == Array(4...Migration.all.count))
        func served() throws -> [String] {
            try database.texts("SELECT item_id || ' ' || source AS it FROM nearline.lookup(17) ORDER BY rank")
        }
        #expect(try served() == ["105 model", "400 repeat", "7 popular"])
        try ReleaseSwitch(database.connection).rollBack(from: 3, to: 1, reason: "a test")
        #expect(try served().count == 3)
        let drawn = DrawnRelease()
        let next = try database.connection.publish(drawn)
        #expect(try ReleaseCatalogue(database.connection).current()?.release == next)
        #expect(
            try ReleasePruner(database.connection).mark(keep: 1, minAge: "0", reason: nil) == [3], "1 is the last good")
        _ = try ReleasePruner(database.connection).sweep(waitMilliseconds: 1000)
        #expect(try database.number("SELECT count(*) FROM pg_class WHERE relname ~ '_r3$'") == 0)
    }

    @Test func withoutTheSchemaNothingRuns() throws {
        let error = thrown(SchemaError.self) { try Migrator(database.connection).requireCurrent() }
        #expect(error == .older(found: 0, needed: Migration.all.count))
        #expect("\(try #require(error))".contains("nearline migrate"))
        #expect(try tables().isEmpty)
    }

    @Test func aNewerSchemaIsRefusedAndLeftAlone() throws {
        let migrator = Migrator(database.connection)
        _ = try migrator.migrate()
        try database.run(
            "INSERT INTO nearline.migration (number, name, hash) VALUES (41, 'later', 'x'), (42, 'last', 'y')")
        let expected = SchemaError.newer(found: 42, known: Migration.all.count)
        #expect(thrown(SchemaError.self) { _ = try migrator.migrate() } == expected)
        #expect(thrown(SchemaError.self) { try migrator.requireCurrent() } == expected)
        #expect(thrown(SchemaError.self) { _ = try migrator.pending() } == expected)
        #expect(try database.number("SELECT count(*) FROM nearline.migration") == Migration.all.count + 2)
    }

    @Test func aStepThatWasAppliedWithOtherContentsIsRefused() throws {
        let migrator = Migrator(database.connection)
        _ = try migrator.migrate()
        try database.run("UPDATE nearline.migration SET hash = 'other' WHERE number = 2")
        let expected = SchemaError.changed(number: 2, name: "unpack")
        #expect(thrown(SchemaError.self) { _ = try migrator.migrate() } == expected)
        #expect(thrown(SchemaError.self) { try migrator.requireCurrent() } == expected)
    }

    @Test func aStepThatFailsLeavesNothingOfAnyStep() throws {
        // In the way of the last step.
        try database.run("CREATE SCHEMA nearline; CREATE TABLE nearline.fallback (mine int)")
        let migrator = Migrator(database.connection)
        let error = thrown(PostgresError.self) { _ = try migrator.migrate() }
        #expect(error?.sqlState == "42P07")
        #expect(error?.doing == "applying migration 3, result_tables")
        #expect(try tables() == ["fallback"])
        try database.run("DROP TABLE nearline.fallback")
        #expect(try migrator.migrate().count == Migration.all.count)
    }
}
