import CLibPQ
import Glibc

/// Opens one libpq connection and sets up its session.
///
/// Drives `PQconnectPoll` itself, since only so can verbosity and notices be set before the server first speaks: the
/// SQLSTATE of a refused login tells a missing grant from a server that is not there.
struct Opening {
    let connection: ConnectionString
    let applicationName: String
    let doing: String
    let notices: NoticeSink

    private static let defaultTimeoutSeconds = 10

    /// Dates, intervals, floats and bytes mean the same in every session, whatever the role's own settings are.
    private static let session = """
        SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'iso_8601';
        SET extra_float_digits = 1; SET bytea_output = 'hex'; SET standard_conforming_strings = on
        """

    func open() throws(PostgresError) -> OpaquePointer {
        guard !connection.holdsPassword else {
            throw .malformed(
                "the connection string holds a password; put it in ~/.pgpass, a service file or PGPASSWORD",
                doing: doing)
        }
        guard let handle = start() else { throw PostgresError(doing: doing, message: "out of memory") }
        do throws(PostgresError) {
            try awaitLogin(handle)
            PQsetErrorVerbosity(handle, PQERRORS_DEFAULT)
            let result = QueryResult(PQexec(handle, Self.session))
            guard result.succeeded else { throw PostgresError(result, on: handle, doing: doing) }
            return handle
        } catch {
            PQfinish(handle)
            throw error
        }
    }

    private func start() -> OpaquePointer? {
        let keywords = connection.keywords(applicationName: applicationName)
        var handle = call(PQconnectStartParams, keywords)
        if option("host", of: handle)?.contains(",") ?? false {
            // Only libpq itself can give up on one host and go on to the next; the price is a refusal without SQLSTATE.
            let timeout = option("connect_timeout", of: handle) ?? String(Self.defaultTimeoutSeconds)
            PQfinish(handle)
            handle = call(PQconnectdbParams, keywords + [("connect_timeout", timeout)])
        }
        PQsetErrorVerbosity(handle, PQERRORS_VERBOSE)
        notices.listen(to: handle)
        return handle
    }

    private typealias Names = UnsafePointer<UnsafePointer<CChar>?>

    private func call(
        _ connect: (Names?, Names?, Int32) -> OpaquePointer?, _ keywords: [(keyword: String, value: String)]
    ) -> OpaquePointer? {
        PackedValues(nullTerminated: keywords.map(\.keyword)).withPointers { names in
            PackedValues(nullTerminated: keywords.map(\.value)).withPointers { connect(names, $0, 1) }
        }
    }

    private func awaitLogin(_ handle: OpaquePointer) throws(PostgresError) {
        let deadline = timeoutSeconds(handle).map { ContinuousClock.now + .seconds($0) }
        var wanted = PGRES_POLLING_WRITING
        while PQstatus(handle) != CONNECTION_OK {
            guard PQstatus(handle) != CONNECTION_BAD else { throw refusal(handle) }
            var descriptor = pollfd(
                fd: PQsocket(handle), events: Int16(wanted == PGRES_POLLING_READING ? POLLIN : POLLOUT), revents: 0)
            let ready = poll(&descriptor, 1, deadline.map(milliseconds(until:)) ?? -1)
            if ready > 0 {
                wanted = PQconnectPoll(handle)
            } else if ready == 0 || errno != EINTR {
                let server = "\(String(cString: PQhost(handle))) (port \(String(cString: PQport(handle))))"
                throw PostgresError(
                    doing: doing, message: "no answer from \(server) within connect_timeout", kind: .unreachable)
            }
        }
    }

    /// As in libpq: zero or less waits for ever, and one second is too short. Ours is bounded where nobody said.
    private func timeoutSeconds(_ handle: OpaquePointer) -> Int? {
        let seconds = option("connect_timeout", of: handle).flatMap { Int($0) } ?? Self.defaultTimeoutSeconds
        return seconds > 0 ? max(2, seconds) : nil
    }

    private func milliseconds(until deadline: ContinuousClock.Instant) -> Int32 {
        let left = (deadline - .now) / .milliseconds(1)
        return Int32(min(max(0, left.rounded(.up)), 1_000_000))
    }

    /// An option as it holds for this connection, from wherever libpq took it.
    private func option(_ keyword: String, of handle: OpaquePointer?) -> String? {
        guard let options = PQconninfo(handle) else { return nil }
        defer { PQconninfoFree(options) }
        return value(of: keyword, in: options)
    }

    /// libpq keeps a refused login as text only: `FATAL:  28000: role "x" does not exist`, then a line on the C source.
    private func refusal(_ handle: OpaquePointer) -> PostgresError {
        let said = String(cString: PQerrorMessage(handle))
        let lines = said.split(separator: "\n").filter { !$0.hasPrefix("LOCATION:") }
        var parts = oneLine(lines.joined(separator: "\n")).split(separator: ": ").map(String.init)
        let code = parts.firstIndex { part in
            // A digit somewhere: FATAL has five capitals too.
            part.utf8.count == 5 && part.allSatisfy { "0"..."9" ~= $0 || "A"..."Z" ~= $0 }
                && part.contains(where: \.isNumber)
        }
        let sqlState = code.map { parts.remove(at: $0) }
        return PostgresError(
            doing: doing, sqlState: sqlState, message: parts.joined(separator: ": "),
            kind: sqlState == nil ? .unreachable : nil)
    }
}

/// Where a session's notices go: nowhere, unless somebody asks for them. By itself libpq prints them on stderr.
final class NoticeSink {
    var handler: ((String) -> Void)?

    /// The sink must outlive the handle.
    func listen(to handle: OpaquePointer?) {
        let context = Unmanaged.passUnretained(self).toOpaque()
        _ = PQsetNoticeProcessor(
            handle,
            { context, message in
                guard let context, let message else { return }
                let sink = Unmanaged<NoticeSink>.fromOpaque(context).takeUnretainedValue()
                sink.handler?(oneLine(String(cString: message)))
            }, context)
    }
}
