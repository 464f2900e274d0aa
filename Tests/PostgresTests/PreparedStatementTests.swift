import Postgres
import TestSupport
import Testing

/// Statements planned once, asked one by one or many in one go.
@Suite struct PreparedStatementTests {
    private let database: TestDatabase
    private let connection: Connection
    private let square = PreparedStatement(
        name: "square", sql: "SELECT ($1 * $1)::bigint, nullif($1, 3)::int, $2 || 'x'::bytea", parameterTypes: [23, 17])

    init() throws {
        database = try TestDatabase()
        connection = database.connection
    }

    private func parameters(_ number: Int32, _ bytes: [UInt8]? = [1, 2]) -> [[UInt8]?] {
        [withUnsafeBytes(of: number.bigEndian) { Array($0) }, bytes]
    }

    private func squared(_ rows: BinaryRows) -> Int64? {
        rows.withField(0, 0) { $0.map { Int64(bigEndian: $0.loadUnaligned(as: Int64.self)) } }
    }

    @Test func answersComeInBinary() throws {
        try connection.prepare(square, doing: "preparing")
        let rows = try connection.ask(square, parameters(7), doing: "squaring")
        #expect(rows.count == 1 && squared(rows) == 49 && rows.int32(0, 1) == 7)
        #expect(rows.withField(0, 2) { $0.map { Array($0) } } == [1, 2, UInt8(ascii: "x")])
        // A bigint is no integer.
        #expect(rows.int32(0, 0) == nil)
    }

    @Test func aNullIsNil() throws {
        try connection.prepare(square, doing: "preparing")
        let rows = try connection.ask(square, parameters(3, nil), doing: "squaring")
        #expect(rows.int32(0, 1) == nil && rows.withField(0, 2) { $0 == nil })
    }

    @Test func aStatementThatIsThereAlreadyIsTheSame() throws {
        try connection.prepare(square, doing: "preparing")
        try connection.prepare(square, doing: "preparing")
        #expect(squared(try connection.ask(square, parameters(5), doing: "squaring")) == 25)
    }

    @Test func aStatementThatVanishedIsAnErrorWithItsCodeAndCanStillBeAskedOnce() throws {
        try connection.prepare(square, doing: "preparing")
        try connection.execute("DEALLOCATE ALL", doing: "as a pooler would")
        let error = thrown(PostgresError.self) { _ = try connection.ask(square, parameters(5), doing: "squaring") }
        #expect(error?.sqlState == "26000")
        #expect(squared(try connection.askOnce(square, parameters(5), doing: "squaring")) == 25)
    }

    @Test(arguments: [0, 1, 2, 127, 128, 129, 1000]) func manyAreAnsweredInOrder(_ count: Int) throws {
        try connection.prepare(square, doing: "preparing")
        var answers: [Int64?] = []
        try connection.askEach(square, (0..<count).map { parameters(Int32($0)) }, doing: "squaring") { number, rows in
            #expect(number == answers.count)
            answers.append(squared(rows))
        }
        #expect(answers == (0..<count).map { Int64($0 * $0) })
        #expect(try connection.execute("SELECT 1 AS one", doing: "going on")[0].int("one") == 1)
    }

    /// More than the buffers between client and server hold, in both directions.
    @Test(.timeLimit(.minutes(1))) func longParametersAndAnswersDoNotBlockEachOther() throws {
        try connection.prepare(square, doing: "preparing")
        let long = [UInt8](repeating: 7, count: 3 << 20)
        var byteCount = 0
        try connection.askEach(
            square, (0..<20).map { parameters(Int32($0), $0 % 2 == 0 ? long : [9]) }, doing: "squaring"
        ) { _, rows in byteCount += rows.withField(0, 2) { $0!.count } }
        #expect(byteCount == 10 * (long.count + 1) + 10 * 2)
    }

    @Test func theFirstFailureIsThrownAndTheConnectionGoesOn() throws {
        try connection.prepare(square, doing: "preparing")
        var answered: [Int] = []
        let error = thrown(PostgresError.self) {
            // 2 to the 16th squared is no integer any more.
            try connection.askEach(
                square, [1, 2, 1 << 16, 4].map { parameters($0) }, doing: "squaring"
            ) { number, _ in answered.append(number) }
        }
        #expect(error?.sqlState == "22003" && answered == [0, 1])
        #expect(squared(try connection.ask(square, parameters(5), doing: "squaring")) == 25)
    }

    @Test func whatTheReaderThrowsIsThrownOnAndTheConnectionGoesOn() throws {
        try connection.prepare(square, doing: "preparing")
        struct Enough: Error {}
        #expect(throws: Enough.self) {
            try connection.askEach(square, (0..<9).map { parameters($0) }, doing: "squaring") { number, _ in
                if number == 4 { throw Enough() }
            }
        }
        #expect(squared(try connection.ask(square, parameters(5), doing: "squaring")) == 25)
    }

    @Test func aLostConnectionIsUnreachableAlsoInTheMiddle() throws {
        let another = try database.connect()
        try another.prepare(square, doing: "preparing")
        try connection.execute(
            "SELECT pg_terminate_backend($1::int, 10000)", [.int(Int64(another.backendPID))], doing: "ending a session")
        let error = thrown(PostgresError.self) {
            try another.askEach(square, (0..<9).map { parameters($0) }, doing: "squaring") { _, _ in }
        }
        #expect(error?.kind == .unreachable)
    }
}
