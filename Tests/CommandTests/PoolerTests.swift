import Foundation
import Testing

/// A night behind PgBouncer in transaction mode: where no session belongs to anybody, leases alone say who is at work.
@Suite(.enabled(if: Pooler.isHere, "there is no PgBouncer here (Debian: pgbouncer)"))
struct PoolerTests {
    private static let command = ["precompute", "--as-of", Shop.asOf, "--candidates", "13"]

    private func settings(_ pooler: Pooler) -> [String: String] {
        pooler.environment.merging(["NEARLINE_SHARD_USERS": "7"]) { $1 }
    }

    private func undisturbed() throws -> String {
        let shop = try Shop.published()
        try #require(try shop.commands.run(Self.command, with: ["NEARLINE_SHARD_USERS": "7"]).code == 0)
        return try shop.payloads(ofRelease: 2)
    }

    /// A minute later.
    private func expireLeases(_ shop: Shop) throws {
        try shop.execute(
            """
            UPDATE nearline.run SET lease_until = now() - interval '1 second' WHERE state = 'running';
            UPDATE nearline.release_shard SET lease_until = now() - interval '1 second' WHERE state = 'claimed'
            """)
    }

    @Test func ofTwoOneWorksAndAKilledOneIsGoneOnWithOnceItsLeaseIsOver() throws {
        let shop = try Shop.published(), pooler = try Pooler(at: shop)
        try shop.holding("nearline.fallback") {
            let first = try shop.commands.start(Self.command, with: settings(pooler))
            try waitUntil("the first to wait") {
                try shop.number(
                    """
                    SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
                    WHERE d.datname = current_database() AND NOT l.granted AND l.relation = 'nearline.fallback'::regclass
                    """) == 1
            }
            let second = try shop.commands.run(Self.command, with: settings(pooler))
            #expect(second.code == 75 && second.errors.contains("already running"), "\(second.errors)")
            first.send(SIGKILL)
            _ = try first.wait()
            let early = try shop.commands.run(Self.command, with: settings(pooler))
            #expect(early.code == 75, "nobody can know yet: \(early.errors)")
        }
        try expireLeases(shop)
        let next = try shop.commands.run(Self.command, with: settings(pooler))
        #expect(next.code == 0 && next.errors.contains("going on with an unfinished release"), "\(next.errors)")
        #expect(try shop.payloads(ofRelease: shop.currentRelease()) == undisturbed())
        #expect(try pooler.advisoryLocks(in: shop) == 0)
    }

    @Test func severalProcessesMakeTheBytesOfOne() throws {
        let shop = try Shop.published(), pooler = try Pooler(at: shop)
        let ended = try shop.commands.run(Self.command + ["--workers", "2"], with: settings(pooler))
        #expect(ended.code == 0, "\(ended.errors)")
        #expect(try shop.payloads(ofRelease: shop.currentRelease()) == undisturbed())
    }
}
