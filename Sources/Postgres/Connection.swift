import CLibPQ
import Glibc

/// One session with PostgreSQL, used by one thread at a time; every call blocks until the server has answered.
///
/// Never reconnects by itself: a lost connection has lost its transaction and its settings, and only the caller knows
/// what to do again. Using it inside a `copyOut` or `copyIn` of its own is a mistake and traps.
package final class Connection {
    private(set) var handle: OpaquePointer
    /// True inside ``transaction(_:doing:_:)``.
    var isInTransaction = false
    /// True while the rows of a COPY are on their way.
    var isCopying = false
    /// The first failure of the current transaction, which can only roll back since.
    private(set) var abortedBy: (any Error)?

    private let conninfo: String
    private let applicationName: String
    private let notices = NoticeSink()

    /// The one part of a connection that another thread may use at the same time.
    package let cancelHandle: CancelHandle

    /// Opens a session in UTF-8, UTC, ISO dates and shortest exact floats.
    ///
    /// - Parameters:
    ///   - conninfo: as libpq takes it, keywords or a URI, but refused with a password in it; what it leaves out comes
    ///     from the PG* variables, service files and `~/.pgpass`. Ten seconds to connect unless `connect_timeout` says.
    ///   - applicationName: as seen in `pg_stat_activity`.
    package init(
        _ conninfo: String = "", applicationName: String, doing: String = "opening a connection"
    ) throws(PostgresError) {
        self.conninfo = conninfo
        self.applicationName = applicationName
        handle = try Opening(
            connection: ConnectionString(conninfo), applicationName: applicationName, doing: doing, notices: notices
        ).open()
        cancelHandle = CancelHandle(handle)
    }

    deinit { PQfinish(handle) }

    /// True when a connection string or URI holds a password, which `ps`, shell histories and logs would show.
    package static func passwordIn(_ conninfo: String) -> Bool { ConnectionString(conninfo).holdsPassword }

    /// 150004 is 15.4.
    package var serverVersion: Int { Int(PQserverVersion(handle)) }

    /// The process that serves this session, as in `pg_stat_activity`.
    package var backendPID: Int32 { PQbackendPID(handle) }

    /// Whether a pooler stands between: then the session that serves one transaction need not serve the next.
    ///
    /// A pooler makes up the number of the session for its clients, and the server says another. Asked once.
    package private(set) lazy var isPooled: Bool = {
        let answer = try? execute("SELECT pg_backend_pid() AS pid", doing: "looking for a pooler").first
        return (try? answer?.int("pid")).flatMap { $0 } != Int(backendPID)
    }()

    /// Receives the server's notices and warnings, on one line each; without it they are dropped.
    package var onNotice: ((String) -> Void)? {
        get { notices.handler }
        set { notices.handler = newValue }
    }

    /// Runs one statement and keeps its whole answer.
    ///
    /// - Parameter parameters: for `$1`...; without any, `sql` may hold several statements, and the last one answers.
    @discardableResult
    package func execute(
        _ sql: String, _ parameters: [Parameter] = [], doing: String
    ) throws(PostgresError) -> Rows {
        let bound = parameters.isEmpty ? nil : try BoundParameters(parameters, doing: doing)
        return Rows(try send(sql, bound, doing: doing), doing: doing)
    }

    /// Runs several statements, as in a migration file. Outside a transaction they are one transaction of their own.
    package func script(_ sql: String, doing: String) throws(PostgresError) {
        _ = try send(sql, nil, doing: doing)
    }

    /// Opens a new session if the old one is lost, and says whether it did; settings and temporary tables are gone then.
    ///
    /// Only between units of work: a call inside a transaction or a COPY is a mistake and traps, since half of what was
    /// done would be missing. A server that goes away later still shows as an error of the next statement.
    package func reconnectIfLost(doing: String = "reconnecting") throws(PostgresError) -> Bool {
        precondition(!isInTransaction && !isCopying, "a transaction or a COPY cannot go on in another session")
        guard isLost else { return false }
        let next = try Opening(
            connection: ConnectionString(conninfo), applicationName: applicationName, doing: doing, notices: notices
        ).open()
        PQfinish(handle)
        handle = next
        cancelHandle.follow(next)
        return true
    }

    /// Whether the server has hung up, as far as this side has been told; costs no round trip.
    private var isLost: Bool {
        var descriptor = pollfd(fd: PQsocket(handle), events: Int16(POLLIN), revents: 0)
        // A server that ends a session says so first, and that message has to be read before its hanging up is seen.
        while PQstatus(handle) == CONNECTION_OK, poll(&descriptor, 1, 0) > 0, PQconsumeInput(handle) == 1 {
            _ = PQisBusy(handle)
        }
        return PQstatus(handle) != CONNECTION_OK
    }
}

extension Connection {
    /// Runs SQL that answers with rows or a tag; any COPY in it has to go through `copyOut` or `copyIn`.
    func send(_ sql: String, _ parameters: BoundParameters?, doing: String) throws(PostgresError) -> QueryResult {
        let result = try start(sql, parameters, doing: doing)
        precondition(!result.isCopying, "COPY to or from the client goes through copyOut and copyIn")
        return result
    }

    /// Runs SQL and returns its last result, which may be the start of a COPY.
    func start(_ sql: String, _ parameters: BoundParameters? = nil, doing: String) throws(PostgresError) -> QueryResult
    {
        precondition(!isCopying, "the connection is in the middle of a COPY")
        // A C string would end there, and half a statement would be run.
        guard !sql.utf8.contains(0) else { throw .malformed("the statement has a zero byte", doing: doing) }
        let result = QueryResult(parameters?.execute(sql, on: handle) ?? PQexec(handle, sql))
        guard result.succeeded || result.isCopying else { throw failure(result, doing: doing) }
        return result
    }

    /// What a statement failed with, noted as what aborts the transaction it is in.
    func failure(_ result: QueryResult?, doing: String) -> PostgresError {
        let error = PostgresError(result, on: handle, doing: doing)
        // 25P02 only says that something else failed before.
        if error.sqlState != "25P02" { noteAbort(error) }
        return error
    }

    func noteAbort(_ error: any Error) {
        if isInTransaction { abortedBy = error }
    }

    func forgetAbort() { abortedBy = nil }
}
