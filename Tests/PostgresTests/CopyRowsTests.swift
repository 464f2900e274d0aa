import Postgres
import TestSupport
import Testing

@Suite struct CopyRowsTests {
    let database: TestDatabase
    var connection: Connection { database.connection }

    init() throws {
        database = try TestDatabase()
        try connection.execute("CREATE TABLE pairs (number bigint, word text)", doing: "creating")
    }

    private func laidOut(_ numbers: Range<Int64>) -> CopyRows {
        var rows = CopyRows()
        for number in numbers {
            rows.beginRow(fields: 2)
            rows.int64(number)
            rows.text("word \(number)")
        }
        return rows
    }

    @Test func rowsThatWereLaidOutElsewhereStandWhereTheyWereSent() throws {
        let stored = try connection.copyIn("pairs", columns: ["number", "word"], doing: "writing") { writer in
            try writer.beginRow(fields: 2)
            writer.int64(0)
            writer.null()
            try writer.send(laidOut(1..<1))
            try writer.send(laidOut(1..<40_000))
            try writer.beginRow(fields: 2)
            writer.int64(40_000)
            writer.text("last")
            #expect(writer.rowsWritten == 40_001)
        }
        #expect(stored == 40_001)
        let rows = try connection.execute("SELECT number, word FROM pairs ORDER BY ctid", doing: "reading")
        #expect(try rows.map { try $0.int("number") } == Array(0...40_000))
        #expect(try rows[0].optionalString("word") == nil)
        #expect(try rows[39_999].string("word") == "word 39999" && rows[40_000].string("word") == "last")
    }

    @Test func onlyLaidOutRowsAreAWholeStreamToo() throws {
        let stored = try connection.copyIn("pairs", columns: ["number", "word"], doing: "writing") { writer in
            try writer.send(laidOut(5..<8))
        }
        #expect(stored == 3)
    }

    @Test func nothingIsStoredWhenTheBodyThrowsBehindRowsThatWereSent() throws {
        struct Stopped: Error {}
        #expect(throws: Stopped.self) {
            try connection.copyIn("pairs", columns: ["number", "word"], doing: "writing") { writer in
                try writer.send(laidOut(0..<40_000))
                throw Stopped()
            }
        }
        #expect(try connection.execute("SELECT FROM pairs", doing: "reading").isEmpty)
    }
}
