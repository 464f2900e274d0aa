import Domain
import Foundation
import Testing

/// PgBouncer in transaction mode before the cluster of the tests; gone when the test lets go.
final class Pooler {
    private static let program = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"].first {
        FileManager.default.isExecutableFile(atPath: $0)
    }
    static let isHere = program != nil

    private let process: ChildProcess
    /// Leads a command through it.
    let environment: [String: String]

    init(at shop: Shop) throws {
        let server = ProcessInfo.processInfo.environment, host = try #require(server["PGHOST"])
        let folder = "/tmp/nl-pool-" + String(UInt64.random(in: .min ... .max), radix: 36)
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        environment = ["PGHOST": folder, "PGPORT": "6432"]
        try """
        [databases]
        * = host=\(host) port=\(server["PGPORT"] ?? "5432") user=\(server["PGUSER"] ?? "nearline")
        [pgbouncer]
        listen_addr =
        listen_port = 6432
        unix_socket_dir = \(folder)
        auth_type = any
        pool_mode = transaction
        default_pool_size = 4
        ignore_startup_parameters = extra_float_digits,options
        logfile = \(folder)/log
        """.write(toFile: folder + "/ini", atomically: true, encoding: .utf8)
        // As the server's own user: it takes no root, and nobody else may enter the socket's folder.
        let owner = try FileManager.default.attributesOfItem(atPath: host)[.ownerAccountID] as? UInt32
        var command = [Self.program!, "-q", folder + "/ini"]
        if geteuid() == 0, let owner, owner != 0 {
            chown(folder, owner, owner)
            command = ["setpriv", "--reuid=\(owner)", "--regid=\(owner)", "--clear-groups"] + command
        }
        process = try ChildProcess("/usr/bin/env", command)
        try waitUntil("PgBouncer") { FileManager.default.fileExists(atPath: folder + "/.s.PGSQL.6432") }
    }

    /// A lock of a session stays with the pooler's, whoever took it.
    func advisoryLocks(in shop: Shop) throws -> Int {
        try shop.number(
            """
            SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
            WHERE d.datname = current_database() AND l.locktype = 'advisory'
            """)
    }

    deinit {
        process.send(SIGTERM)
        _ = process.wait()
        try? FileManager.default.removeItem(atPath: environment["PGHOST"]!)
    }
}
