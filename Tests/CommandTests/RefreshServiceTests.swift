import Foundation
import Postgres
import Testing

/// `nearline refresh --every`: it is woken, it outlives lost sessions, and it ends when told to.
@Suite struct RefreshServiceTests {
    private func awaitSleep(_ shop: Shop) throws {
        try waitUntil("the service to sleep") {
            try shop.number("SELECT count(*) FROM nearline.watermark WHERE waits_until > now()") == 1
        }
    }

    private func awaitList(of user: Int, _ shop: Shop) throws {
        try waitUntil("a new list") { try shop.overlay().contains("1 \(user)") }
    }

    @Test func anIdleServiceIsWokenByTheFirstEventAndEndsWhenTold() throws {
        let shop = try Shop.refreshing(), users = try shop.users(3)
        let path = "\(shop.folder)/nearline.prom"
        let service = try shop.commands.start(["refresh", "--every", "1h", "--metrics", path])
        try awaitSleep(shop)
        try shop.click(users[0])
        try awaitList(of: users[0], shop)
        // With a service always at work somebody can be forgotten.
        try shop.succeed("forget", "\(users[0])")
        #expect(try shop.overlay() == [])
        // It is busy now: the next round is an hour away, and writers are not asked to notify.
        #expect(try shop.number("SELECT count(*) FROM nearline.watermark WHERE waits_until IS NOT NULL") == 0)
        try shop.click(users[1])
        service.send(SIGTERM)
        let ended = try service.wait(seconds: 10)
        #expect(ended.code == 143, "\(ended.errors)")
        #expect(try shop.waiting() == 1, "left for the next one")
        #expect(try shop.texts("SELECT state AS text FROM nearline.run WHERE command = 'refresh'") == ["stopped"])
        #expect(try shop.number("SELECT (counts ->> 'users') FROM nearline.run WHERE command = 'refresh'") == 1)
        #expect(try MetricsFacts(file: path)["nearline_refresh_users_waiting"] == 1)
    }

    @Test func asleepItLeavesWhenToldAndTakesBackItsWishToBeWoken() throws {
        let shop = try Shop.refreshing()
        let service = try shop.commands.start(["refresh", "--every", "1h"])
        try awaitSleep(shop)
        service.send(SIGINT)
        #expect(try service.wait(seconds: 10).code == 130)
        #expect(try shop.number("SELECT count(*) FROM nearline.watermark WHERE waits_until IS NOT NULL") == 0)
    }

    @Test func itOutlivesItsSessionsAndTakesItsRunBack() throws {
        let shop = try Shop.refreshing(), users = try shop.users(2)
        let service = try shop.commands.start(["refresh", "--every", "1s"])
        try awaitSleep(shop)
        try shop.execute(
            """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND application_name LIKE 'nearline refresh%'
            """)
        try shop.click(users[0])
        try awaitList(of: users[0], shop)
        // As another command does that looks for runs whose session has gone.
        try shop.execute("UPDATE nearline.run SET state = 'lost', ended_at = now() WHERE command = 'refresh'")
        try shop.click(users[1])
        try awaitList(of: users[1], shop)
        #expect(try shop.texts("SELECT state AS text FROM nearline.run WHERE command = 'refresh'") == ["running"])
        service.send(SIGTERM)
        #expect(try service.wait(seconds: 10).code == 143)
    }

    @Test(.enabled(if: Pooler.isHere, "there is no PgBouncer here (Debian: pgbouncer)"))
    func behindAPoolerInTransactionModeEveryListArrivesAndAKilledServiceIsFollowedByTheNext() throws {
        let shop = try Shop.refreshing(), pooler = try Pooler(at: shop), users = try shop.users(40)
        func start() throws -> RunningCommand {
            try shop.commands.start(["refresh", "--every", "1s"], with: pooler.environment)
        }
        let service = try start()
        // In three goes, so that some come while it makes the lists of others.
        for part in [users[0..<10], users[10..<20], users[20..<30]] {
            for user in part { try shop.click(user) }
            try waitUntil("the lists") { try shop.overlay().contains("1 \(part.last!)") }
        }
        try waitUntil("every list") { try shop.waiting() == 0 && shop.overlay().count == 30 }
        #expect(try shop.number("SELECT count(*) FROM nearline.run WHERE command = 'refresh' AND is_pooled") == 1)
        service.send(SIGKILL)
        _ = try service.wait()
        for user in users[20..<40] { try shop.click(user) }
        // Behind a pooler only the lease tells that it is gone.
        try shop.execute("UPDATE nearline.run SET lease_until = now() - interval '1 second' WHERE state = 'running'")
        let next = try start()
        try waitUntil("every list") { try shop.waiting() == 0 && shop.overlay().count == 40 }
        next.send(SIGTERM)
        #expect(try next.wait(seconds: 10).code == 143)
        // Each list has seen its user's last event.
        #expect(
            try shop.number(
                """
                SELECT count(*) FROM nearline.overlay_r1 o
                WHERE o.as_of < (SELECT max(occurred_at) FROM shop.events e WHERE e.user_id = o.user_id)
                """) == 0)
        // Nothing of a session stays with the pooler's.
        #expect(try pooler.advisoryLocks(in: shop) == 0)
    }

    /// What was taken away cannot be vacuumed meanwhile; and what is open is found when it commits.
    @Test func whileATransactionStaysOpenRowsThatWereTakenAwayAreNotSteppedOverAgainAndAgain() throws {
        let shop = try Shop.refreshing(), users = try shop.users(3), rows = 30_000, rounds = 5
        let slow = try Connection("dbname=\(shop.database)", applicationName: "nearline-tests")
        try slow.script("BEGIN", doing: "holding events open")
        try slow.script(Shop.clicks(of: users[0]), doing: "holding events open")
        try shop.execute("INSERT INTO nearline.touched (user_id) SELECT \(users[1]) FROM generate_series(1, \(rows))")
        let service = try shop.commands.start(["refresh", "--every", "1s"])
        try awaitList(of: users[1], shop)
        for _ in 0..<rounds {
            try shop.click(users[2])
            try waitUntil("a list that has seen the clicks") {
                try shop.number(
                    """
                    SELECT count(*) FROM nearline.overlay o WHERE o.user_id = \(users[2])
                    AND o.as_of > (SELECT max(occurred_at) FROM shop.events e WHERE e.user_id = o.user_id)
                    """) == 1
            }
        }
        #expect(try !shop.overlay().contains("1 \(users[0])"))
        try slow.script("COMMIT", doing: "committing events")
        try awaitList(of: users[0], shop)
        service.send(SIGTERM)
        #expect(try service.wait(seconds: 10).code == 143)
        #expect(try shop.waiting() == 0)
        // In the end, since sessions say it when they are idle. Read once by the first round, and found once more to be deleted.
        try shop.awaitEndOfSessions()
        let index =
            "SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE schemaname = 'nearline' AND relname = 'touched'"
        let whole = "SELECT seq_scan FROM pg_stat_user_tables WHERE schemaname = 'nearline' AND relname = 'touched'"
        let read = try shop.number(index), scans = try shop.number(whole)
        #expect(read < 3 * rows && scans <= rounds, "\(read) entries of indexes, \(scans) scans")
    }

    @Test func aReleaseThatIsPublishedWhileItWorksIsFollowed() throws {
        let shop = try Shop.refreshing(), user = try shop.users(1)[0]
        try shop.click(user)
        let service = try shop.commands.start(["refresh", "--every", "1s"])
        try awaitList(of: user, shop)
        try shop.succeed("precompute", "--as-of", Shop.asOf, "--again")
        try waitUntil("the list in the new release") { try shop.overlay().contains("2 \(user)") }
        service.send(SIGTERM)
        #expect(try service.wait(seconds: 10).code == 143)
    }
}
