import Foundation
import Postgres
import Testing

/// `nearline refresh`: whoever did something has a new list, and nobody is ever passed over.
@Suite struct RefreshTests {
    @Test func whoDidSomethingGetsTheListThatANightWouldMakeAndNobodyElseOne() throws {
        let shop = try Shop.refreshing(), users = try shop.users(3), newcomer = 777_777
        let before = try users.map { try shop.list(of: $0) }
        try shop.click(users[0], users[0], newcomer)
        let answer = try shop.succeed("refresh", "--json")
        #expect(answer.contains("\"lists\":2") && answer.contains("\"users\":2"), "\(answer)")
        #expect(try shop.overlay() == ["1 \(users[0])", "1 \(newcomer)"])
        #expect(try shop.list(of: users[0]) != before[0])
        #expect(try shop.list(of: users[1]) == before[1])
        #expect(try shop.waiting() == 0)

        // A whole night up to the same instant.
        let asOf = try shop.text("SELECT as_of::text AS text FROM nearline.overlay LIMIT 1")
        let lists = try [users[0], newcomer].map { try shop.list(of: $0) }
        try shop.succeed("precompute", "--as-of", asOf)
        #expect(try [users[0], newcomer].map { try shop.list(of: $0, inRelease: 2) } == lists)
    }

    @Test func aRefreshReadsHistoriesAsItsReleaseDid() throws {
        let shop = try Shop.refreshing(), user = try shop.users(1)[0]
        let shaped = ["NEARLINE_TOKENS": "24", "NEARLINE_SESSION_ITEMS": "6", "NEARLINE_LIFELONG_ITEMS": "8"]
        let plain = try shop.list(of: user)
        try shop.succeed("precompute", "--as-of", Shop.asOf, with: shaped)
        #expect(try shop.list(of: user) != plain)
        try shop.click(user)
        try shop.succeed("refresh")
        let asOf = try shop.text("SELECT as_of::text AS text FROM nearline.overlay LIMIT 1")
        let made = try shop.list(of: user)
        for others in [shaped, shaped.merging(["NEARLINE_LIFELONG_ITEMS": "0"]) { $1 }] {
            try shop.succeed("precompute", "--as-of", asOf, "--again", with: others)
            let release = try shop.number("SELECT max(release) FROM nearline.release")
            let list = try shop.list(of: user, inRelease: release)
            #expect((list == made) == (others == shaped))
        }
    }

    @Test func nobodyWaitingIsNothingToDoAndNothingFedIsSaidSo() throws {
        let shop = try Shop.published()
        try shop.refuse("refresh", code: 66, saying: ["nearline refresh --install", "shop.events"])
        #expect(try shop.succeed("refresh", "--install").contains("installed triggers on"))
        #expect(try shop.succeed("refresh", "--install").contains("nothing to do"))
        #expect(try shop.succeed("refresh").contains("nothing to do"))
        #expect(try shop.number("SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'nearline_touch_%'") == 6)
        try shop.click(try shop.users(1)[0])
        #expect(try shop.succeed("refresh", "--uninstall").contains("dropped the triggers"))
        #expect(try shop.succeed("refresh", "--uninstall").contains("nothing to do"))
        try shop.refuse("refresh", code: 66, saying: ["--install"])
        let empty = try Shop.imported()
        try empty.succeed("refresh", "--install")
        let refused = try empty.commands.run(["refresh"])
        #expect(refused.code == 66 && refused.errors.contains("nothing is published"), "\(refused.errors)")
    }

    @Test func eventsFromBeforeTheTriggersAreCaughtUpWith() throws {
        let shop = try Shop.published(), user = try shop.users(1)[0]
        try shop.click(user)
        #expect(try shop.succeed("refresh", "--install").contains("1 users have had events since"))
        try shop.succeed("refresh")
        #expect(try shop.overlay() == ["1 \(user)"])
    }

    @Test func aTransactionHeldOpenAcrossRefreshesIsNeitherSkippedNorInAnybodysWay() throws {
        let shop = try Shop.refreshing(), users = try shop.users(2)
        let slow = try Connection("dbname=\(shop.database)", applicationName: "nearline-tests")
        let watermark = "SELECT xid::text::bigint FROM nearline.watermark"
        var xid = 0
        try slow.transaction(doing: "holding events open") {
            try slow.script(Shop.clicks(of: users[0]), doing: "holding events open")
            xid = try slow.execute("SELECT pg_current_xact_id()::text AS xid", doing: "looking")[0].int("xid")
            for _ in 0..<2 {
                try shop.click(users[1])
                try shop.succeed("refresh")
                #expect(try shop.overlay() == ["1 \(users[1])"])
                #expect(try shop.number(watermark) <= xid, "it never passes what is not read")
            }
        }
        try shop.succeed("refresh")
        #expect(try shop.overlay() == users.map { "1 \($0)" })
        #expect(try shop.number(watermark) > 0)
        #expect(try shop.origin(users[0]) == "overlay")
    }

    @Test func anItemThatIsDeniedNowLeavesTheListAndOneAllowedAgainMayComeBack() throws {
        let shop = try Shop.refreshing(), user = try shop.users(1)[0]
        // The list that the time since the release leads to: by now another item may be the best.
        try shop.touch(user)
        try shop.succeed("refresh")
        let top = try shop.list(of: user)[0]
        try shop.execute("INSERT INTO shop.exclusions (user_id, item_id) VALUES (\(user), '\(top)')")
        try shop.succeed("refresh")
        let list = try shop.list(of: user)
        #expect(!list.contains(top) && list.count == Shop.candidates)
        try shop.execute("DELETE FROM shop.exclusions WHERE user_id = \(user)")
        try shop.succeed("refresh")
        #expect(try shop.list(of: user).contains(top))
    }

    @Test func whoHasNoEventsLeftGetsThePopularListWithoutWhatIsDenied() throws {
        let shop = try Shop.refreshing(), users = try shop.users(2), stranger = 888_888
        let popular = try shop.list(of: stranger)
        try shop.execute(
            """
            DELETE FROM shop.events WHERE user_id = ANY ('{\(users[0]),\(users[1])}');
            INSERT INTO shop.exclusions (user_id, item_id) VALUES (\(users[1]), '\(popular[0])'), (\(stranger), '\(popular[1])')
            """)
        try shop.succeed("refresh")
        #expect(try shop.list(of: users[0]) == popular)
        for (user, denied) in [(users[1], popular[0]), (stranger, popular[1])] {
            let list = try shop.list(of: user)
            #expect(list.count == popular.count, "filled up from behind")
            #expect(list.dropLast() == popular.filter { $0 != denied }[...])
        }
        // Nothing is known of the stranger any more: the release's own answer is right.
        try shop.execute("DELETE FROM shop.exclusions")
        try shop.succeed("refresh")
        #expect(try shop.origin(stranger) == "fallback")
        #expect(try shop.origin(users[0]) == "overlay", "their list of the night is from events that are gone")
    }

    @Test func killedBetweenReadingAndWritingTheNextRefreshDoesTheSame() throws {
        let shop = try Shop.refreshing(), users = try shop.users(3)
        for user in users { try shop.click(user) }
        let before = try shop.waiting()
        try shop.holding("nearline.overlay_r1", in: "SHARE") {
            let running = try shop.commands.start(["refresh"])
            try shop.awaitLockWait(of: "refresh")
            running.send(SIGKILL)
            #expect(try running.wait().code == 137)
        }
        try shop.awaitEndOfSessions()
        #expect(try shop.waiting() == before)
        #expect(try shop.overlay() == [])
        try shop.succeed("refresh")
        #expect(try shop.overlay() == users.map { "1 \($0)" })
        #expect(try shop.waiting() == 0)
    }

    /// One with an older number, that was open when the queue was read, and one more of the user whose list is being made.
    @Test func whatIsCommittedWhileListsAreMadeStaysQueued() throws {
        let shop = try Shop.refreshing(), users = try shop.users(2)
        let slow = try Connection("dbname=\(shop.database)", applicationName: "nearline-tests")
        try slow.script("BEGIN", doing: "holding events open")
        try slow.script(Shop.clicks(of: users[1]), doing: "holding events open")
        try shop.click(users[0])
        let running = try shop.holding("nearline.overlay_r1", in: "SHARE") {
            let running = try shop.commands.start(["refresh"])
            try shop.awaitLockWait(of: "refresh")
            try slow.script("COMMIT", doing: "committing events")
            try shop.click(users[0])
            return running
        }
        #expect(try running.wait().code == 0)
        #expect(try shop.overlay() == ["1 \(users[0])"])
        #expect(try shop.waiting() == 2)
        try shop.succeed("refresh")
        #expect(try shop.overlay() == users.map { "1 \($0)" })
    }

    @Test func aRefreshWhoseRunWasGivenUpStoresNothingAndASecondOneIsTurnedAway() throws {
        let shop = try Shop.refreshing(), user = try shop.users(1)[0]
        try shop.click(user)
        let before = try shop.waiting()
        let running = try shop.holding("nearline.overlay_r1", in: "SHARE") {
            let running = try shop.commands.start(["refresh"])
            try shop.awaitLockWait(of: "refresh")
            let second = try shop.commands.run(["refresh"])
            #expect(second.code == 75, "\(second.errors)")
            #expect(second.errors.contains("refresh is already running (run "), "\(second.errors)")
            try shop.execute("UPDATE nearline.run SET state = 'lost', ended_at = now() WHERE command = 'refresh'")
            return running
        }
        let ended = try running.wait()
        #expect(ended.code == 75, "\(ended.errors)")
        #expect(try shop.overlay() == [])
        #expect(try shop.waiting() == before)
    }

    /// Frozen before it stores, while it reads (exclusions are read behind the queue), and in the middle of storing.
    @Test(arguments: ["shop.exclusions", "nearline.overlay_r1"])
    func nothingLandsOfARefreshThatWasFrozenBeyondItsLeaseWhileAnotherDidTheWork(_ place: String) throws {
        let shop = try Shop.refreshing(), users = try shop.users(2)
        try shop.click(users[0], users[1])
        let frozen = try shop.holding(place, in: place == "shop.exclusions" ? "ACCESS EXCLUSIVE" : "SHARE") {
            let running = try shop.commands.start(["refresh"])
            try shop.awaitLockWait(of: "refresh")
            try shop.freeze(running, "refresh")
            return running
        }
        // A minute later.
        try shop.execute("UPDATE nearline.run SET lease_until = now() - interval '1 second' WHERE state = 'running'")
        let other = try shop.commands.start(["refresh", "--every", "1h"])
        try waitUntil("the other to do the work") { try shop.waiting() == 0 }
        #expect(try shop.overlay() == users.map { "1 \($0)" })
        // Were its rows to land, the list that is taken away here would be back, and who waits for the next round would not.
        try shop.execute("DELETE FROM nearline.overlay WHERE user_id = \(users[1])")
        try shop.click(users[1])
        let stored = "SELECT user_id || ' ' || xmin || ' ' || as_of AS text FROM nearline.overlay_r1"
        let before = try shop.texts(stored)
        frozen.send(SIGCONT)
        let ended = try frozen.wait()
        #expect(ended.code == 75, "\(ended.code): \(ended.errors)")
        #expect(try shop.texts(stored) == before)
        #expect(try shop.waiting() == 1)
        let states = try shop.texts("SELECT state AS text FROM nearline.run WHERE command = 'refresh' ORDER BY run")
        #expect(states == ["failed", "running"], "it says itself how it ended")
        other.send(SIGTERM)
        #expect(try other.wait(seconds: 10).code == 143)
    }

    /// It reads the queue again, and makes the lists of who waits then.
    @Test func aRefreshThatWasFrozenWhileAnotherCameAndWentGoesOnWithWhatIsLeft() throws {
        let shop = try Shop.refreshing(), users = try shop.users(2)
        try shop.click(users[0], users[1])
        let frozen = try shop.holding("nearline.overlay_r1", in: "SHARE") {
            let running = try shop.commands.start(["refresh"])
            try shop.awaitLockWait(of: "refresh")
            try shop.freeze(running, "refresh")
            return running
        }
        try shop.execute("UPDATE nearline.run SET lease_until = now() - interval '1 second' WHERE state = 'running'")
        try shop.succeed("refresh")
        let first = "SELECT xmin || ' ' || as_of AS text FROM nearline.overlay_r1 WHERE user_id = \(users[0])"
        let before = try shop.text(first)
        try shop.click(users[1])
        frozen.send(SIGCONT)
        #expect([0, 75].contains(try frozen.wait().code))
        #expect(try shop.text(first) == before, "it was not this one's turn any more")
        try shop.succeed("refresh")
        #expect(try shop.waiting() == 0)
        #expect(
            try shop.number(
                "SELECT count(*) FROM nearline.overlay_r1 o WHERE as_of < (SELECT max(occurred_at) FROM shop.events e WHERE e.user_id = o.user_id)"
            ) == 0)
    }

    @Test func afterAPublicationOrARollbackNobodyFallsBackBehindWhatTheyWereServed() throws {
        let shop = try Shop.refreshing(), users = try shop.users(2)
        try shop.click(users[0])
        try shop.succeed("refresh")
        let fresh = try shop.list(of: users[0])
        let seen =
            """
            SELECT count(*) FROM nearline.overlay
            WHERE as_of >= (SELECT max(occurred_at) FROM shop.events WHERE user_id = \(users[0]))
            """
        // As of an instant before the clicks.
        try shop.succeed("precompute", "--as-of", Shop.asOf, "--again")
        let ofTheNight = try shop.list(of: users[0])
        #expect(ofTheNight != fresh)
        #expect(try shop.succeed("refresh", "--json").contains("\"users\":1"))
        // Not the same list: more seconds have passed since the clicks, and the model is told how many.
        #expect(try shop.list(of: users[0]) != ofTheNight)
        #expect(try shop.origin(users[0]) == "overlay")
        #expect(try shop.number(seen) == 2, "both from events up to the clicks")
        try shop.click(users[1])
        try shop.succeed("refresh")
        #expect(try shop.overlay() == ["1 \(users[0])", "2 \(users[0])", "2 \(users[1])"])
        try shop.succeed("rollback")
        try shop.succeed("refresh")
        #expect(try shop.overlay().contains("1 \(users[1])"))
        #expect(try shop.succeed("refresh").contains("nothing to do"))
        // One that has seen it all.
        try shop.succeed("precompute", "--again")
        let queued = try shop.succeed("refresh", "--json")
        #expect(try shop.overlay().contains { $0.hasPrefix("3 ") } == queued.contains("\"users\":2"))
    }

    @Test func whereTheOverlayIsFullThoseInItAreRenewedAndTheOthersWaitForRoom() throws {
        let shop = try Shop.refreshing(), users = try shop.users(3)
        let small = ["NEARLINE_OVERLAY_USERS": "1"]
        try shop.click(users[2], users[0])
        let answer = try shop.succeed("refresh", with: small)
        #expect(answer.contains("the overlay is full: 1 users wait"), "\(answer)")
        #expect(try shop.overlay() == ["1 \(users[2])"], "first come")
        let asOf = "SELECT (extract(epoch FROM max(as_of)) * 1e6) FROM nearline.overlay", before = try shop.number(asOf)
        try shop.click(users[0], users[2])
        try shop.succeed("refresh", with: small)
        #expect(try shop.number(asOf) > before)
        #expect(try shop.number("SELECT users_deferred FROM nearline.refresh_status") == 1)
        #expect(try shop.waiting() == 0, "who waits for room is in nobody's way")
        #expect(try shop.succeed("status", "--max-age", "100000d").contains("1 users found the overlay full"))
        try shop.succeed("refresh", with: ["NEARLINE_OVERLAY_USERS": "2"])
        #expect(try shop.overlay() == ["1 \(users[0])", "1 \(users[2])"])
        #expect(try shop.number("SELECT count(*) FROM nearline.deferred_user") == 0)
    }

    @Test func whoIsForgottenStaysAwayWhateverTheyDo() throws {
        let shop = try Shop.refreshing(), users = try shop.users(2)
        try shop.click(users[0])
        try shop.succeed("refresh")
        try shop.click(users[0], users[1])
        try shop.succeed("forget", "\(users[0])")
        try shop.click(users[0])
        try shop.execute(
            "INSERT INTO shop.exclusions (user_id, item_id) SELECT \(users[0]), min(item_id) FROM shop.items")
        try shop.succeed("refresh")
        #expect(try shop.overlay() == ["1 \(users[1])"])
        #expect(try shop.number("SELECT count(*) FROM nearline.traces_of('\(users[0])') WHERE rows > 0") == 0)
    }

    /// More users than a round takes, and one with more rows than a round looks at.
    @Test func manyUsersTakeAsManyRoundsAsTheyNeed() throws {
        let shop = try Shop.refreshing(), users = try shop.users(7)
        for user in users { try shop.click(user) }
        for _ in 0..<70 { try shop.click(users[0]) }
        let answer = try shop.succeed("refresh", "--json", with: ["NEARLINE_REFRESH_USERS": "2"])
        #expect(try shop.overlay() == users.map { "1 \($0)" })
        #expect(try shop.waiting() == 0)
        let rounds = try #require(answer.firstMatch(of: #/"rounds":(\d+)/#).flatMap { Int($0.1) })
        #expect(rounds >= 4, "\(answer)")
        let counted =
            "SELECT (counts ->> 'lists')::int FROM nearline.run WHERE command = 'refresh' ORDER BY run DESC LIMIT 1"
        #expect(try shop.number(counted) >= 7)
        #expect(
            try shop.number(
                "SELECT count(*) FROM nearline.run WHERE counts ? 'delay p50 ms' AND counts ? 'delay p99 ms'")
                == 1)
    }
}
