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
