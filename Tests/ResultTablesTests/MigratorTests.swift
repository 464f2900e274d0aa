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
        #expect(Migration.all.allSatisfy { $0.sql.hasPrefix("-- 000\($0.number)_\($0.name).sql") })
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

    @Test func onlyWhatIsMissingIsApplied() throws {
        _ = try Migrator(database.connection).migrate()
        try database.run(
            """
            DROP FUNCTION nearline.create_result_tables, nearline.next_clusters(text), nearline.next_clusters(text, text),
                nearline.transition_key;
            DROP TABLE nearline.transition, nearline.release_cluster, nearline.fallback;
            DELETE FROM nearline.migration WHERE number = 3
            """)
        let migrator = Migrator(database.connection)
        let error = thrown(SchemaError.self) { try migrator.requireCurrent() }
        #expect(error == .older(found: 2, needed: Migration.all.count))
        #expect(try migrator.pending().map(\.number) == [3])
        #expect(try migrator.migrate().map(\.number) == [3])
        #expect(throws: Never.self) { try migrator.requireCurrent() }
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
