import Foundation
import Postgres
import ResultTables
import TestSupport
import Testing

@Suite struct AttachingTests {
    private let database: EmptyDatabase

    init() throws { database = try EmptyDatabase.migrated() }

    /// Sessions that wait for a lock, and what they run.
    private static func waiting(_ watcher: Connection) throws -> Int {
        try watcher.execute(
            """
            SELECT count(*) AS n, pg_stat_clear_snapshot() FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock'
            """, doing: "watching")[0].int("n")
    }

    /// Leaves the overlay of a release half detached, as a prune does whose wait was too long.
    private func detachHalf(_ release: Int) throws {
        let reader = try database.connect(), pruner = try database.connect()
        try reader.transaction(doing: "reading") {
            try reader.execute("SELECT FROM nearline.overlay", doing: "reading")
            try pruner.execute("SET lock_timeout = 50", doing: "limiting the wait")
            let detach = "ALTER TABLE nearline.overlay DETACH PARTITION nearline.overlay_r\(release) CONCURRENTLY"
            #expect(thrown(PostgresError.self) { try pruner.execute(detach, doing: "detaching") }?.sqlState == "55P03")
        }
    }

    @Test func aReleaseIsAttachedBesideAPruneThatFinalisesADetachment() throws {
        let old = try database.connection.publish(DrawnRelease(seed: 1))
        try database.connection.publish(DrawnRelease(seed: 2))
        try detachHalf(old)
        let name = database.name, isHeld = Flag(), isFinalised = Flag()
        let outcomes = inThreads(3) { thread in
            let connection = try Connection("dbname=\(name)", applicationName: "nearline-tests")
            switch thread {
            case 0:
                // Keeps the release from being attached until the prune is at work.
                try connection.transaction(doing: "holding") {
                    try connection.execute(
                        "LOCK TABLE nearline.candidate IN SHARE UPDATE EXCLUSIVE MODE", doing: "holding")
                    isHeld.raise()
                    for _ in 0..<5000 where !isFinalised.isRaised {
                        if try Self.waiting(connection) == 2 { break }
                        usleep(1000)
                    }
                }
            case 1:
                _ = isHeld.waits()
                try connection.build(DrawnRelease(seed: 3))
            default:
                let watcher = try Connection("dbname=\(name)", applicationName: "nearline-tests")
                _ = isHeld.waits()
                for _ in 0..<5000 {
                    if try Self.waiting(watcher) > 0 { break }
                    usleep(1000)
                }
                defer { isFinalised.raise() }
                try connection.execute(
                    "ALTER TABLE nearline.overlay DETACH PARTITION nearline.overlay_r\(old) FINALIZE",
                    doing: "finalising")
            }
        }
        for outcome in outcomes { #expect(throws: Never.self) { try outcome.get() } }
        #expect(try database.number("SELECT count(*) FROM nearline.release WHERE state = 'validated'") == 1)
        #expect(try database.number("SELECT count(*) FROM pg_inherits WHERE inhdetachpending") == 0)
    }
}
