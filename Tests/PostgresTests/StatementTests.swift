import Postgres
import TestSupport
import Testing

@Suite struct StatementTests {
    let database: TestDatabase
    var connection: Connection { database.connection }

    init() throws { database = try TestDatabase() }

    @Test(arguments: [
        "'; DROP TABLE note; --", "\\'; DROP TABLE note; --", "$1", "\" OR 1=1", "E'\\x27'", "", " ",
        "naïve 🙂 \u{301}'",
    ])
    func aParameterIsStoredAsItIsAndNeverRunAsSQL(_ hostile: String) throws {
        try connection.execute("CREATE TABLE note (body text)", doing: "creating")
        try connection.execute("INSERT INTO note VALUES ($1)", [.text(hostile)], doing: "writing")
        let rows = try connection.execute("SELECT body FROM note WHERE body = $1", [.text(hostile)], doing: "reading")
        #expect(try rows.map { try $0.string("body") } == [hostile])
        let quoted = try connection.execute("SELECT \(Quote.literal(hostile)) AS body", doing: "reading")
        #expect(try quoted[0].string("body") == hostile)
        try connection.execute("SET standard_conforming_strings = off", doing: "going back in time")
        let old = try connection.execute("SELECT \(Quote.literal(hostile)) AS body", doing: "reading")
        #expect(try old[0].string("body") == hostile)
    }

    @Test func everyKindOfParameterArrives() throws {
        let row = try connection.execute(
            """
            SELECT $1::bigint AS i, $2::float8 AS d, $3::bool AS b, $4 AS raw, $5::text AS t, $6::float8 AS nan,
                   $7::float8 AS tiny, $8 AS empty
            """,
            [
                .int(.min), 0.1, true, .bytes([0, 255, 39, 92]), nil, .real(.nan), .real(.leastNonzeroMagnitude),
                .bytes([]),
            ], doing: "asking")[0]
        #expect(try row.int("i") == .min)
        #expect(try row.double("d") == 0.1)
        #expect(try row.bool("b"))
        #expect(try row.bytes("raw") == [0, 255, 39, 92])
        #expect(try row.optionalString("t") == nil)
        #expect(try row.double("nan").isNaN)
        #expect(try row.double("tiny") == .leastNonzeroMagnitude)
        #expect(try row.bytes("empty") == [])
    }

    @Test func optionalValuesBecomeParameters() {
        #expect(Parameter(nil as String?) == .null)
        #expect(Parameter("x") == .text("x"))
        #expect(Parameter(nil as Int?) == .null)
        #expect(Parameter(Int32(-7)) == .int(-7))
        #expect(Parameter(nil as Double?) == .null)
    }

    @Test func aZeroByteIsRefusedInsteadOfCuttingTheValueOff() {
        let parameter = postgresError { try connection.execute("SELECT $1, $2", [1, "secret\0"], doing: "asking") }
        #expect(parameter?.kind == .malformed)
        #expect(parameter?.message == "parameter 2 has a zero byte, which text cannot hold")
        let statement = postgresError { try connection.execute("SELECT 1 \0 2", doing: "asking") }
        #expect(statement?.kind == .malformed)
    }

    @Test func severalStatementsRunOnlyWithoutParameters() throws {
        try connection.script("CREATE TABLE a (n int); INSERT INTO a VALUES (1), (2);", doing: "migrating")
        #expect(try connection.number("SELECT count(*) FROM a") == 2)
        let error = postgresError {
            try connection.execute("INSERT INTO a VALUES ($1); DELETE FROM a", [3], doing: "writing")
        }
        #expect(error?.sqlState == "42601")
        #expect(try connection.number("SELECT count(*) FROM a") == 2)
    }

    @Test func aScriptThatFailsHalfWayLeavesNothing() throws {
        let error = postgresError {
            try connection.script("CREATE TABLE half (n int); SELECT 1/0; CREATE TABLE rest (n int)", doing: "trying")
        }
        #expect(error?.sqlState == "22012")
        #expect(try connection.number("SELECT count(*) FROM pg_class WHERE relname = 'half'") == 0)
    }

    @Test func affectedCountsWhatAStatementChanged() throws {
        try connection.script("CREATE TABLE a (n int); INSERT INTO a SELECT generate_series(1, 9)", doing: "filling")
        #expect(try connection.execute("UPDATE a SET n = 0 WHERE n > $1", [5], doing: "writing").affected == 4)
        #expect(try connection.execute("DELETE FROM a WHERE n = 77", doing: "deleting").affected == 0)
    }

    @Test func aFieldThatIsNotWhatWasAskedForNamesRowAndColumn() throws {
        let rows = try connection.execute(
            "SELECT * FROM (VALUES ('1'), ('1.5'), (NULL), ('')) AS v (n)", doing: "reading")
        #expect(rows.count == 4)
        #expect(try rows[0].int("n") == 1)
        func message(_ body: () throws -> Void) -> String? {
            let error = postgresError(body)
            return error?.kind == .malformed ? error?.description : nil
        }
        #expect(message { _ = try rows[1].int("n") } == "reading: row 2, column \"n\" is not an integer")
        #expect(
            message { _ = try rows[2].int("n") }
                == "reading: row 3, column \"n\" is NULL where a value is required")
        #expect(message { _ = try rows[3].double("n") } == "reading: row 4, column \"n\" is not a number")
        #expect(message { _ = try rows[3].bool("n") } == "reading: row 4, column \"n\" is not a boolean")
        #expect(message { _ = try rows[1].bytes("n") } == "reading: row 2, column \"n\" is not a bytea in hex")
        #expect(message { _ = try rows[0].int("m") } == "reading: row 1, column \"m\" is not in the answer")
        #expect(try rows[2].optionalInt("n") == nil)
    }
}
