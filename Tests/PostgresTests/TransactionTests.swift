import Postgres
import TestSupport
import Testing

@Suite struct TransactionTests {
    let database: TestDatabase
    var connection: Connection { database.connection }

    init() throws {
        database = try TestDatabase()
        try database.connection.script(
            "CREATE TABLE item (n int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED)", doing: "creating")
    }

    @Test func whatTheBodyDidIsCommittedAndItsValueReturned() throws {
        let value = try connection.transaction(doing: "filling") {
            try insert(1)
            return "done"
        }
        #expect(value == "done")
        #expect(try database.connect().number("SELECT count(*) FROM item") == 1)
    }

    @Test func aBodyThatThrowsLeavesNothingAndItsErrorIsThrown() throws {
        try insert(1)
        #expect(throws: Deliberate()) {
            try connection.transaction(doing: "filling") {
                try insert(2)
                throw Deliberate()
            }
        }
        #expect(try connection.execute("SELECT n FROM item", doing: "reading").map { try $0.int("n") } == [1])
        try connection.transaction(doing: "filling") { try insert(3) }
        #expect(try connection.number("SELECT count(*) FROM item") == 2)
    }

    @Test func theFirstFailureIsThrownAndNotItsEcho() {
        let error = postgresError {
            try connection.transaction(doing: "filling") {
                try? connection.script("SELECT * FROM gone", doing: "the first")
                try connection.execute("SELECT 1", doing: "the echo")
            }
        }
        #expect(error?.doing == "the first")
        #expect(error?.kind == .missingRelation)
    }

    @Test func aFailureThatTheBodySwallowedIsThrownInsteadOfACommit() throws {
        let error = postgresError {
            try connection.transaction(doing: "filling") {
                try insert(1)
                try? connection.script("SELECT * FROM gone", doing: "the first")
            }
        }
        #expect(error?.doing == "the first")
        #expect(try connection.number("SELECT count(*) FROM item") == 0)
    }

    @Test func aFailureUndoneByASavepointDoesNotStopTheCommit() throws {
        try connection.transaction(doing: "filling") {
            try insert(1)
            try connection.execute("SAVEPOINT here", doing: "saving")
            try? connection.script("SELECT * FROM gone", doing: "the first")
            try connection.execute("ROLLBACK TO here", doing: "going back")
        }
        #expect(try connection.number("SELECT count(*) FROM item") == 1)
    }

    @Test func aCommitThatTheServerRefusesIsThrown() throws {
        let error = postgresError {
            try connection.transaction(doing: "filling") {
                try insert(1)
                try insert(1)
            }
        }
        #expect(error?.sqlState == "23505")
        #expect(try connection.number("SELECT count(*) FROM item") == 0)
        try connection.transaction(doing: "filling") { try insert(1) }
    }

    @Test func aReadOnlySnapshotRefusesWritesAndSeesOneInstant() throws {
        let other = try database.connect()
        let error = postgresError {
            try connection.transaction(.readOnlySnapshot, doing: "reading") {
                #expect(try connection.number("SELECT count(*) FROM item") == 0)
                try other.execute("INSERT INTO item VALUES (1)", doing: "writing")
                #expect(try connection.number("SELECT count(*) FROM item") == 0)
                try insert(2)
            }
        }
        #expect(error?.sqlState == "25006")
        #expect(try connection.number("SELECT count(*) FROM item") == 1)
    }

    @Test func aConnectionLostBeforeTheCommitSaysThatTheOutcomeIsUnknown() throws {
        let killer = try Connection(applicationName: "test-killer")
        let error = postgresError {
            try connection.transaction(doing: "filling") {
                try insert(1)
                try killer.execute(
                    "SELECT pg_terminate_backend($1, 10000)", [Parameter(connection.backendPID)], doing: "killing")
            }
        }
        #expect(error?.kind == .unreachable)
        #expect(error?.message.contains("whether this transaction was committed is unknown") == true)
        #expect(try killer.number("SELECT count(*) FROM \(database.schema).item") == 0)
        #expect(try connection.reconnectIfLost())
    }

    private func insert(_ n: Int) throws {
        try connection.execute("INSERT INTO item VALUES ($1)", [Parameter(n)], doing: "writing item \(n)")
    }
}
