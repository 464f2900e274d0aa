import Foundation

/// Stands between a command and PostgreSQL, and ends the command with `kill -9`, or its session only, at a statement of its
/// choice.
///
/// Statements are counted over all connections of the command: simple queries and parses, as libpq sends one for each call.
final class KillingProxy: @unchecked Sendable {
    enum Moment: CaseIterable, Sendable {
        /// The server never hears of the statement.
        case before
        /// The server has answered its first byte.
        case during
        /// The server is done with it, and the command is not told.
        case after
    }

    /// The folder of the socket: what PGHOST has to name.
    let folder: String
    private let server: String
    private let name: String
    private let point: (statement: Int, moment: Moment)?
    private let cuts: Bool
    private let listener: Int32
    private let lock = NSLock()
    private var victim: Int32?
    private var statements = 0
    private var commits: [Int] = []
    /// The statement behind which a session was cut.
    private(set) var hits: Int?

    /// - Parameters:
    ///   - point: nil kills never, and only counts.
    ///   - cuts: the process lives, and loses that one session.
    init(at point: (statement: Int, moment: Moment)?, cuts: Bool = false) throws {
        self.cuts = cuts
        let environment = ProcessInfo.processInfo.environment
        server = environment["PGHOST"] ?? ""
        name = ".s.PGSQL.\(environment["PGPORT"] ?? "5432")"
        self.point = point
        folder = "/tmp/nearline-proxy-" + String(UInt64.random(in: .min ... .max), radix: 36)
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        guard Self.withAddress("\(folder)/\(name)", { bind(listener, $0, $1) }) == 0, listen(listener, 16) == 0 else {
            throw POSIXError(.ENOTSOCK)
        }
        Thread.detachNewThread { [self] in accept() }
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    func close() {
        shutdown(listener, Int32(SHUT_RDWR))
        Glibc.close(listener)
    }

    /// Whom to kill; statements wait until it is known.
    func aim(at process: Int32) { lock.withLock { victim = process } }

    var statementsSeen: Int { lock.withLock { statements } }

    /// Which of them were commits.
    var commitsSeen: [Int] { lock.withLock { commits } }

    private func accept() {
        while true {
            let client = Glibc.accept(listener, nil, nil)
            guard client >= 0 else { return }
            let backend = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
            guard Self.withAddress("\(server)/\(name)", { connect(backend, $0, $1) }) == 0 else {
                Glibc.close(client)
                continue
            }
            let aimed = Aimed()
            Thread.detachNewThread { [self] in pump(from: client, to: backend, aimed, isFrontend: true) }
            Thread.detachNewThread { [self] in
                pump(from: backend, to: client, aimed, isFrontend: false)
                Glibc.close(client)
                Glibc.close(backend)
            }
        }
    }

    /// Whether the next answer on this connection is the one to kill at.
    private final class Aimed: @unchecked Sendable { var isOn = false }

    private func pump(from source: Int32, to target: Int32, _ aimed: Aimed, isFrontend: Bool) {
        var waiting: [UInt8] = [], chunk = [UInt8](repeating: 0, count: 1 << 16)
        // The startup message alone has no letter in front of its length.
        var headless = isFrontend
        while true {
            let count = read(source, &chunk, chunk.count)
            guard count > 0 else { break }
            waiting += chunk[..<count]
            while let length = Self.message(waiting, headless) {
                let kills =
                    isFrontend
                    ? !headless && isKilled(by: waiting[0], isCommit: Self.isCommit(waiting[..<length]), aimed)
                    : isKilled(answer: waiting[0], aimed)
                if kills { shoot() }
                guard !kills, Self.send(waiting[..<length], to: target) else {
                    shutdown(source, Int32(SHUT_RDWR))
                    shutdown(target, Int32(SHUT_RDWR))
                    return
                }
                waiting.removeFirst(length)
                headless = false
            }
        }
        shutdown(target, Int32(SHUT_WR))
    }

    /// The bytes of the first message, once they are all there.
    private static func message(_ bytes: [UInt8], _ headless: Bool) -> Int? {
        let head = headless ? 0 : 1
        guard bytes.count >= head + 4 else { return nil }
        let length = head + bytes[head..<head + 4].reduce(0) { $0 << 8 | Int($1) }
        return bytes.count >= length ? length : nil
    }

    /// Behind the letter and the length; a parse has the name of the statement, none, before it.
    private static func isCommit(_ message: ArraySlice<UInt8>) -> Bool {
        let text = message.dropFirst(message.first == UInt8(ascii: "P") ? 6 : 5)
        return text.starts(with: "COMMIT".utf8)
    }

    private func isKilled(by type: UInt8, isCommit: Bool, _ aimed: Aimed) -> Bool {
        guard type == UInt8(ascii: "Q") || type == UInt8(ascii: "P") else { return false }
        return lock.withLock {
            statements += 1
            if isCommit { commits.append(statements) }
            guard let point, statements == point.statement else { return false }
            aimed.isOn = point.moment != .before
            return point.moment == .before
        }
    }

    private func isKilled(answer type: UInt8, _ aimed: Aimed) -> Bool {
        lock.withLock {
            guard aimed.isOn, let point else { return false }
            return point.moment == .during || type == UInt8(ascii: "Z")
        }
    }

    private func shoot() {
        if cuts { return lock.withLock { if let point { hits = point.statement } } }
        while true {
            if let victim = lock.withLock({ victim }) {
                kill(victim, SIGKILL)
                return
            }
            usleep(1000)
        }
    }

    private static func send(_ bytes: ArraySlice<UInt8>, to target: Int32) -> Bool {
        bytes.withUnsafeBytes { bytes in
            var sent = 0
            while sent < bytes.count {
                let count = Glibc.send(
                    target, bytes.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
                guard count > 0 else { return false }
                sent += count
            }
            return true
        }
    }

    private static func withAddress(
        _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}
