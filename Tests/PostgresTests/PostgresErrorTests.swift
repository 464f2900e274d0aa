import Postgres
import TestSupport
import Testing

@Suite struct PostgresErrorTests {
    let database: TestDatabase

    init() throws { database = try TestDatabase() }

    @Test(
        arguments: [
            ("42P01", .missingRelation, "SELECT * FROM no_such_table"),
            ("3F000", .missingRelation, "CREATE TABLE no_such_schema.t (n int)"),
            ("42703", .missingColumn, "SELECT no_such_column FROM pg_class"),
            ("57014", .cancelled, "SET statement_timeout = 20; SELECT pg_sleep(30)"),
            ("42601", .other, "SELEKT 1"),
            ("22012", .other, "SELECT 1/0"),
        ] as [(String, PostgresError.Kind, String)])
    func theServersCodeDecidesTheKind(_ sqlState: String, _ kind: PostgresError.Kind, _ sql: String) throws {
        let error = postgresError { try database.connection.execute(sql, doing: "trying") }
        #expect(error?.sqlState == sqlState)
        #expect(error?.kind == kind)
        #expect(try database.connection.number("SELECT 1") == 1, "the connection goes on")
    }

    @Test(
        arguments: [
            ("53100", .diskFull), ("40001", .transient), ("40P01", .transient), ("55P03", .transient),
            ("53300", .transient), ("40002", .other), ("08006", .unreachable), ("57P01", .unreachable),
            ("57P03", .unreachable), ("28P01", .noGrant), ("42501", .noGrant), ("42883", .other), ("53200", .other),
        ] as [(String, PostgresError.Kind)])
    func codesThatAreHardToProvokeHaveTheirKindsToo(_ sqlState: String, _ kind: PostgresError.Kind) {
        // Raised by the server, so that the whole way from it is walked.
        let error = postgresError {
            try database.connection.script(
                "DO $$ BEGIN RAISE EXCEPTION 'made up' USING ERRCODE = '\(sqlState)', DETAIL = 'd', HINT = 'h'; END $$",
                doing: "trying")
        }
        #expect(error?.kind == kind)
        #expect(error?.description.hasPrefix("trying: made up (SQLSTATE \(sqlState)); d; hint: h") == true)
    }

    @Test func aMissingGrantIsTold() throws {
        let role = "role_of_\(database.schema)"
        let connection = database.connection
        try connection.script("CREATE ROLE \(role); CREATE TABLE secret (n int); SET ROLE \(role)", doing: "preparing")
        let secret = "\(database.schema).secret"
        let error = postgresError { try connection.execute("SELECT * FROM \(secret)", doing: "reading") }
        try connection.script("RESET ROLE; DROP ROLE \(role)", doing: "tidying up")
        #expect(error?.kind == .noGrant)
        #expect(error?.sqlState == "42501")
        #expect(error?.description.contains("grant this role what it lacks") == true)
    }

    @Test func aLockTimeoutIsTransient() throws {
        let other = try database.connect()
        try other.execute("CREATE TABLE busy (n int)", doing: "creating")
        try database.connection.transaction(doing: "holding") {
            try database.connection.execute("LOCK busy", doing: "locking")
            try other.execute("SET lock_timeout = 20", doing: "setting")
            let error = postgresError { try other.execute("SELECT * FROM busy", doing: "reading") }
            #expect(error?.kind == .transient)
        }
    }

    @Test func noErrorRepeatsAValueOfAParameterOrARow() throws {
        let connection = database.connection
        try connection.execute("CREATE TABLE person (name text PRIMARY KEY CHECK (name <> 'x'))", doing: "creating")
        let insert = "INSERT INTO person VALUES ($1)"
        try connection.execute(insert, ["Ada \"A\" L"], doing: "writing")
        let errors = [
            postgresError { try connection.execute(insert, ["Ada \"A\" L"], doing: "writing") },
            postgresError { try connection.execute("SELECT $1::bigint", ["Ada \"A\" L"], doing: "asking") },
            postgresError { try connection.execute("SELECT $1::jsonb", ["{\"Ada\": L}"], doing: "asking") },
            postgresError { try connection.execute("SELECT name::int FROM person", doing: "asking") },
        ]
        #expect(errors.compactMap { $0?.sqlState } == ["23505", "22P02", "22P02", "22P02"])
        for error in errors { #expect(error?.description.contains("Ada") == false) }
        #expect(errors[0]?.message == "duplicate key value violates unique constraint \"person_pkey\"")
        #expect(errors[1]?.message == "invalid input syntax for type bigint: (value withheld)")
    }
}
