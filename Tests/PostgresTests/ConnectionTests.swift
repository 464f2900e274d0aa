import Dispatch
import Glibc
import Postgres
import TestSupport
import Testing

@Suite struct ConnectionTests {
    init() throws { try TestDatabase.requireCluster() }

    @Test func aSessionIsInUTF8AndUTCWhateverTheRoleHasSet() throws {
        let settings = "options='-c TimeZone=Asia/Tokyo -c DateStyle=German'"
        let connection = try Connection(settings, applicationName: "a b'c")
        func setting(_ name: String) throws -> String {
            let rows = try connection.execute("SELECT current_setting($1) AS value", [.text(name)], doing: "asking")
            return try rows[0].string("value")
        }
        #expect(try setting("client_encoding") == "UTF8")
        #expect(try setting("TimeZone") == "UTC")
        #expect(try setting("DateStyle") == "ISO, YMD")
        #expect(try setting("application_name") == "a b'c")
        #expect(try connection.number("SELECT pg_backend_pid()") == Int(connection.backendPID))
        #expect(connection.serverVersion >= 140000)
    }

    @Test func aSocketWhereNothingListensIsUnreachableAndSaysWhatToDo() {
        let error = postgresError {
            _ = try Connection("host=/nonexistent/socket", applicationName: "test", doing: "opening the ledger")
        }
        #expect(error?.kind == .unreachable)
        #expect(error?.sqlState == nil)
        let text = error?.description ?? ""
        #expect(text.hasPrefix("opening the ledger: connection to server on socket \"/nonexistent/socket/"))
        #expect(text.contains("check that the server runs and that PGHOST"))
        #expect(!text.contains("\n"))
    }

    @Test func aServerThatNeverAnswersIsUnreachableAfterTheTimeout() throws {
        // An abstract socket (a leading zero byte, libpq's @) that is listened on but never accepted from.
        let host = "nearline-silent-\(UInt64.random(in: .min ... .max))"
        let path = "\0\(host)/.s.PGSQL.5432"
        let listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(listener) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let length = MemoryLayout<sa_family_t>.size + path.utf8.count
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, socklen_t(length))
            }
        }
        try #require(bound == 0 && listen(listener, 8) == 0)
        let error = postgresError {
            _ = try Connection("host=@\(host) port=5432 connect_timeout=1", applicationName: "test")
        }
        #expect(error?.kind == .unreachable)
        #expect(error?.message == "no answer from @\(host) (port 5432) within connect_timeout")
    }

    @Test func aRefusedLoginIsAMissingGrantAndAMissingDatabaseIsNot() {
        let role = postgresError { _ = try Connection("user=nobody_of_that_name", applicationName: "test") }
        #expect(role?.kind == .noGrant)
        #expect(role?.sqlState == "28000")
        #expect(role?.message.hasSuffix("FATAL: role \"nobody_of_that_name\" does not exist") == true)
        let database = postgresError { _ = try Connection("dbname=no_such_database", applicationName: "test") }
        #expect(database?.kind == .unreachable)
        #expect(database?.sqlState == "3D000")
    }

    @Test func theFirstOfSeveralHostsMayBeAway() throws {
        let host = String(cString: try #require(getenv("PGHOST")))
        let connection = try Connection("host=/nonexistent/socket,\(host)", applicationName: "test")
        #expect(try connection.number("SELECT 7") == 7)
        let none = postgresError { _ = try Connection("host=/nonexistent/a,/nonexistent/b", applicationName: "test") }
        #expect(none?.kind == .unreachable)
    }

    @Test(arguments: [
        "password=hunter2", "host=db password = 'hunter2'", "postgresql://ada:hunter2@db/shop",
        "postgres://db/shop?password=hunter2", "sslpassword=hunter2", "PASSWORD hunter2 host",
        "postgresql://ada:hunter2@db/%zz",
    ])
    func aPasswordInAConnectionStringIsSeenAndRefusedWithoutBeingRepeated(_ conninfo: String) {
        #expect(Connection.passwordIn(conninfo))
        let error = postgresError { _ = try Connection(conninfo, applicationName: "test") }
        #expect(error?.kind == .malformed)
        #expect(error?.description.contains("hunter2") == false)
    }

    @Test(arguments: [
        "", "shop", "host=db user=ada", "postgresql://ada@db:5432/shop", "postgresql://db/shop?sslmode=require",
        "passfile=/home/ada/.pgpass",
    ])
    func aConnectionStringWithoutAPasswordPasses(_ conninfo: String) { #expect(!Connection.passwordIn(conninfo)) }

    @Test func cancellingFromAnotherThreadEndsAStatementAtOnce() throws {
        let connection = try Connection(applicationName: "test")
        cancel(connection.cancelHandle, whenAsleep: connection.backendPID)
        let started = ContinuousClock.now
        let error = postgresError { try connection.execute("SELECT pg_sleep(30)", doing: "sleeping") }
        #expect(error?.kind == .cancelled)
        #expect(error?.sqlState == "57014")
        #expect(ContinuousClock.now - started < .seconds(15))
        #expect(try connection.number("SELECT 1") == 1)
    }

    @Test func aKilledBackendIsUnreachableUntilReconnectedOnPurpose() throws {
        let connection = try Connection(applicationName: "test")
        let handle = connection.cancelHandle
        let firstPID = connection.backendPID
        #expect(try !connection.reconnectIfLost())
        try terminate(connection)
        let error = postgresError { try connection.execute("SELECT 1", doing: "asking") }
        #expect(error?.kind == .unreachable)
        #expect(postgresError { try connection.execute("SELECT 1", doing: "asking") }?.kind == .unreachable)
        #expect(try connection.reconnectIfLost())
        #expect(connection.backendPID != firstPID)
        #expect(try connection.number("SELECT 1") == 1)
        cancel(handle, whenAsleep: connection.backendPID)
        let cancelled = postgresError { try connection.execute("SELECT pg_sleep(30)", doing: "sleeping") }
        #expect(cancelled?.kind == .cancelled, "the handle follows its connection")
    }

    @Test func aLossIsSeenBeforeAnyStatementRunsIntoIt() throws {
        let connection = try Connection(applicationName: "test")
        try terminate(connection)
        #expect(try connection.reconnectIfLost())
        #expect(try connection.number("SELECT 1") == 1)
    }

    @Test func noticesAreDroppedUnlessAskedFor() throws {
        let database = try TestDatabase()
        var notices: [String] = []
        try database.connection.execute("DROP TABLE IF EXISTS nothing", doing: "dropping")
        database.connection.onNotice = { notices.append($0) }
        try database.connection.execute("DROP TABLE IF EXISTS nothing", doing: "dropping")
        #expect(notices == ["NOTICE: table \"nothing\" does not exist, skipping"])
    }

    private func cancel(_ handle: CancelHandle, whenAsleep pid: Int32) {
        DispatchQueue.global().async {
            guard let watcher = try? Connection(applicationName: "test-watcher") else { return }
            let sleeping = "SELECT count(*) FROM pg_stat_activity WHERE pid = $1 AND wait_event = 'PgSleep'"
            while (try? watcher.number(sleeping, [Parameter(pid)])) == 0 {}
            handle.cancel()
        }
    }

    private func terminate(_ connection: Connection) throws {
        let killer = try Connection(applicationName: "test-killer")
        let killed = try killer.execute(
            "SELECT pg_terminate_backend($1, 10000) AS done", [Parameter(connection.backendPID)], doing: "killing")
        try #require(try killed[0].bool("done"))
    }
}
