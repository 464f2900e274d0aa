import Dispatch
import Postgres
import TestSupport
import Testing

@Suite struct CopyTests {
    let database: TestDatabase
    var connection: Connection { database.connection }

    init() throws { database = try TestDatabase() }

    @Test func everyTypeComesBackAsItWentInIncludingNullEmptyAndLarge() throws {
        var generator = SystemRandomNumberGenerator()
        let large = (0..<1 << 20).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        try connection.execute(
            "CREATE TABLE kinds (i8 bigint, i4 int, i2 smallint, f4 real, f8 float8, b bool, t text, raw bytea, id uuid)",
            doing: "creating")
        let columns = ["i8", "i4", "i2", "f4", "f8", "b", "t", "raw", "id"]
        let id = Array<UInt8>(1...16)
        let stored = try connection.copyIn("kinds", columns: columns, doing: "writing") { writer in
            try writer.beginRow(fields: 9)
            writer.int64(.min)
            writer.int32(.max)
            writer.int16(-2)
            writer.float(.leastNonzeroMagnitude)
            writer.double(-.infinity)
            writer.bool(true)
            writer.text("naïve 🙂")
            writer.bytes(large)
            writer.bytes(id[...])
            try writer.beginRow(fields: 9)
            for _ in 0..<9 { writer.null() }
            try writer.beginRow(fields: 9)
            writer.int64(0)
            writer.int32(-1)
            writer.int16(.min)
            writer.float(1.5)
            writer.double(.nan)
            writer.bool(false)
            writer.text("")
            writer.bytes([UInt8]())
            id.withUnsafeBytes { writer.bytes($0) }
        }
        #expect(stored == 3)
        let query = "SELECT * FROM kinds -- all of it"
        let count = try connection.copyOut(query, doing: "reading") { (row: inout CopyRow) throws in
            #expect(row.fieldCount == 9)
            switch row.rowNumber {
            case 1:
                #expect(try row.int64() == .min)
                #expect(try row.int32() == .max)
                #expect(try row.int16() == -2)
                #expect(try row.float() == .leastNonzeroMagnitude)
                #expect(try row.double() == -.infinity)
                #expect(try row.bool())
                #expect(try row.string() == "naïve 🙂")
                #expect(try row.bytes().map(Array.init) == large)
                #expect(try row.bytes().map(Array.init) == id)
            case 2:
                #expect(try row.optionalInt64() == nil)
                #expect(try row.optionalInt32() == nil)
                #expect(try row.optionalInt16() == nil)
                #expect(try row.optionalFloat() == nil)
                #expect(try row.optionalDouble() == nil)
                #expect(try row.optionalBool() == nil)
                #expect(try row.optionalString() == nil)
                #expect(try row.bytes() == nil)
                #expect(try row.bytes() == nil)
            default:
                #expect(try row.optionalInt64() == 0)
                #expect(try row.optionalInt32() == -1)
                #expect(try row.int16() == .min)
                #expect(try row.float() == 1.5)
                #expect(try row.double().isNaN)
                #expect(try !row.bool())
                #expect(try row.string() == "")
                #expect(try row.bytes()?.isEmpty == true)
                #expect(try row.bytes().map(Array.init) == id)
            }
        }
        #expect(count == 3)
    }

    @Test(arguments: [0, 1, 40_000]) func manyRowsCrossTheBufferWithoutLossOrChangeOfOrder(_ count: Int) throws {
        try connection.execute("CREATE TABLE many (\"n'\"\"\" bigint, label text)", doing: "creating")
        let stored = try connection.copyIn("many", columns: ["n'\"", "label"], doing: "writing") { writer in
            for n in 0..<count {
                try writer.beginRow(fields: 2)
                writer.int64(Int64(n))
                writer.text("row \(n)")
            }
        }
        #expect(stored == count)
        var next: Int64 = 0
        try connection.copyOut("SELECT * FROM many ORDER BY 1", doing: "reading") { row in
            let n = try row.int64()
            let label = try row.string()
            if n != next || label != "row \(n)" { Issue.record("row \(next) came back as \(n), \(label)") }
            next += 1
        }
        #expect(next == Int64(count))
    }

    @Test func aFieldOfTheWrongTypeNamesRowAndColumnAndTheConnectionGoesOn() throws {
        func refusal(_ query: String, _ read: (inout CopyRow) throws -> Void) throws -> String? {
            let error = postgresError { try connection.copyOut(query, doing: "reading shop.events", row: read) }
            #expect(try connection.number("SELECT 1") == 1)
            return error?.kind == .malformed ? error?.message : nil
        }
        let rows = "SELECT i, CASE WHEN i = 3 THEN NULL ELSE i END FROM generate_series(1, 5) AS i"
        #expect(
            try refusal(rows) { _ = (try $0.int32(), try $0.int32()) }
                == "row 3, column 2 is NULL where a value is required")
        #expect(
            try refusal(rows) { _ = (try $0.int32(), try $0.int64()) }
                == "row 1, column 2 has 4 bytes, which is not a bigint")
        #expect(
            try refusal(rows) { _ = (try $0.int32(), try $0.optionalInt32(), try $0.int32()) }
                == "row 1 has 2 columns, and one more is needed")
        #expect(try refusal(rows) { _ = try $0.int32() } == "row 1 has 2 columns, but 1 were read")
        #expect(
            try refusal("SELECT '\\xff00'::bytea") { _ = try $0.string() } == "row 1, column 1 is not text in UTF-8")
        #expect(try refusal("SELECT '\\x02'::bytea") { _ = try $0.bool() } == "row 1, column 1 is not a boolean")
        #expect(try refusal("SELECT 1::int2, 2::int8") { row in try row.skipRest() } == nil)
    }

    @Test func aReaderThatThrowsStopsALongCopyAndTheConnectionGoesOn() throws {
        let started = ContinuousClock.now
        var seen = 0
        #expect(throws: Deliberate()) {
            try connection.copyOut("SELECT generate_series(1, 4000000000)", doing: "reading") { row in
                try row.skipRest()
                seen += 1
                if seen == 1000 { throw Deliberate() }
            }
        }
        #expect(seen == 1000)
        #expect(ContinuousClock.now - started < .seconds(30))
        #expect(try connection.number("SELECT 1") == 1)
    }

    @Test func aReaderThatThrewIsWhatDoomsTheTransactionAroundIt() throws {
        #expect(throws: Deliberate()) {
            try connection.transaction(doing: "reading") {
                _ = try? connection.copyOut("SELECT generate_series(1, 4000000000)", doing: "reading") { _ in
                    throw Deliberate()
                }
                try connection.execute("SELECT 1", doing: "the echo")
            }
        }
        #expect(try connection.number("SELECT 1") == 1)
    }

    @Test func aServerErrorInTheMiddleOfACopyIsThrownAndTheConnectionGoesOn() throws {
        var seen = 0
        let error = postgresError {
            try connection.copyOut("SELECT 1 / (500 - i) FROM generate_series(1, 1000) AS i", doing: "reading") { row in
                try row.skipRest()
                seen += 1
            }
        }
        #expect(error?.sqlState == "22012")
        #expect(seen == 499)
        #expect(try connection.number("SELECT 1") == 1)
        let missing = postgresError { try connection.copyOut("SELECT * FROM gone", doing: "reading") { _ in } }
        #expect(missing?.kind == .missingRelation)
    }

    @Test func aBackendKilledInTheMiddleOfACopyIsUnreachable() throws {
        let killer = try Connection(applicationName: "test-killer")
        let victim = connection.backendPID
        let error = postgresError {
            try connection.copyOut("SELECT generate_series(1, 4000000000)", doing: "reading") { row in
                if row.rowNumber == 10 {
                    // It waits on our full socket and is only told; what it has sent already is read to the end.
                    try killer.execute("SELECT pg_terminate_backend($1)", [Parameter(victim)], doing: "killing")
                }
                try row.skipRest()
            }
        }
        #expect(error?.kind == .unreachable)
    }

    @Test func cancellingFromAnotherThreadEndsACopy() throws {
        let handle = connection.cancelHandle
        let error = postgresError {
            try connection.copyOut("SELECT generate_series(1, 4000000000)", doing: "reading") { row in
                if row.rowNumber == 10 { DispatchQueue.global().async { handle.cancel() } }
                try row.skipRest()
            }
        }
        #expect(error?.kind == .cancelled)
        #expect(try connection.number("SELECT 1") == 1)
    }

    @Test func aWriterThatThrowsStoresNothingAndTheConnectionGoesOn() throws {
        try connection.execute("CREATE TABLE item (n int)", doing: "creating")
        #expect(throws: Deliberate()) {
            try connection.copyIn("item", columns: ["n"], doing: "writing") { writer in
                for n in 0..<100_000 {
                    try writer.beginRow(fields: 1)
                    writer.int32(Int32(n))
                }
                throw Deliberate()
            }
        }
        #expect(try connection.number("SELECT count(*) FROM item") == 0)
    }

    @Test func rowsThatTheServerRefusesOrDropsAreErrors() throws {
        try connection.script(
            """
            CREATE TABLE item (n int PRIMARY KEY);
            CREATE FUNCTION drop_seven() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN IF NEW.n = 7 THEN RETURN NULL; END IF; RETURN NEW; END $$;
            CREATE TRIGGER drop_seven BEFORE INSERT ON item FOR EACH ROW EXECUTE FUNCTION drop_seven();
            """, doing: "creating")
        func write(_ numbers: [Int32]) -> PostgresError? {
            postgresError {
                try connection.transaction(doing: "writing") {
                    _ = try connection.copyIn("item", columns: ["n"], doing: "writing") { writer in
                        for n in numbers {
                            try writer.beginRow(fields: 1)
                            writer.int32(n)
                        }
                    }
                }
            }
        }
        #expect(write([1, 2, 1])?.sqlState == "23505")
        #expect(write([6, 7, 8])?.message == "wrote 3 rows, but the server stored 2")
        #expect(try connection.number("SELECT count(*) FROM item") == 0)
        #expect(write([6, 8]) == nil)
        let missing = postgresError { _ = try connection.copyIn("gone", columns: ["n"], doing: "writing") { _ in } }
        #expect(missing?.kind == .missingRelation)
    }
}
