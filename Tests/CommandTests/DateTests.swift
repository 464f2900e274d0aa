import Foundation
import Testing

/// `nearline precompute --date`: a day is made once, whatever comes into the events, and whoever is killed.
@Suite struct DateTests {
    private func addEvent(_ shop: Shop, at instant: String) throws {
        try shop.execute(
            "INSERT INTO shop.events SELECT user_id, item_id, '\(instant)', 'click' FROM shop.events LIMIT 1")
    }

    private func nothingToDo(_ shop: Shop, _ arguments: String...) throws -> String {
        let before = try shop.contents(), ended = try shop.commands.run(["precompute"] + arguments)
        #expect(ended.code == 0 && ended.output.hasPrefix("nothing to do"), "\(ended.output) \(ended.errors)")
        #expect(try shop.contents() == before)
        return ended.output
    }

    @Test func aDayIsMadeAsOfItsMidnightAndOnce() throws {
        let shop = try Shop.published()
        #expect(try shop.succeed("precompute", "--date", "2026-01-02").contains("release 2 is current"))
        #expect(
            try shop.text(
                "SELECT concat_ws(' ', as_of AT TIME ZONE 'UTC', serve_at AT TIME ZONE 'UTC', logical_date, is_history) AS text "
                    + "FROM nearline.release WHERE release = 2")
                == "2026-01-02 00:00:00 2026-01-02 00:00:00 2026-01-02 f")
        #expect(
            try shop.text("SELECT logical_date::text AS text FROM nearline.runs ORDER BY run DESC LIMIT 1")
                == "2026-01-02")
        #expect(try shop.succeed("runs", "--count", "1").contains("2026-01-02"))
        #expect(try shop.succeed("releases").contains("2026-01-02"))
        // Events of the day before it that came late are no reason to make it again.
        try addEvent(shop, at: "2026-01-01 23:00Z")
        #expect(try nothingToDo(shop, "--date", "2026-01-02").contains("release 2 of 2026-01-02 is current"))
        #expect(
            try nothingToDo(shop, "--date", "2026-01-02", "--no-publish", "--candidates", "7").contains("release 2"))
        #expect(try shop.succeed("precompute", "--date", "2026-01-02", "--again").contains("release 3 is current"))
    }

    @Test func anotherServeAtIsGivenBesideTheDate() throws {
        let shop = try Shop.published()
        try shop.succeed("precompute", "--date", "2026-01-02", "--serve-at", "2026-01-02T08:00:00Z")
        #expect(
            try shop.number(
                "SELECT extract(epoch FROM serve_at - as_of) / 3600 FROM nearline.release WHERE release = 2") == 8)
    }

    @Test func aDayThatWasServedOrTakenBackIsSettledToo() throws {
        let shop = try Shop.published()
        try shop.succeed("precompute", "--date", "2026-01-02")
        try shop.succeed("precompute", "--date", "2026-01-03")
        #expect(try nothingToDo(shop, "--date", "2026-01-02").contains("release 2 of 2026-01-02 was served"))
        try shop.succeed("rollback", "--reason", "odd shoes")
        try addEvent(shop, at: "2026-01-02 23:00Z")
        #expect(try nothingToDo(shop, "--date", "2026-01-03").contains("was rolled back (odd shoes)"))
        #expect(try shop.currentRelease() == 2)
    }

    @Test func aDayThatWaitsIsPublishedAndNotBuiltAgain() throws {
        let shop = try Shop.published()
        try shop.succeed("precompute", "--date", "2026-01-02", "--no-publish")
        try addEvent(shop, at: "2026-01-01 23:00Z")
        #expect(try nothingToDo(shop, "--date", "2026-01-02", "--no-publish").contains("waits for nearline publish"))
        #expect(try shop.succeed("precompute", "--date", "2026-01-02").contains("release 2 is current"))
        #expect(try shop.number("SELECT count(*) FROM nearline.release") == 2)
    }

    @Test func aDayThatAGateRefusedIsTriedAgain() throws {
        let shop = try Shop.published()
        try shop.refuse(
            "precompute", "--date", "2026-01-02", code: 65, saying: ["users"], with: ["NEARLINE_MIN_USERS": "1000"])
        #expect(try shop.succeed("precompute", "--date", "2026-01-02").contains("release 2 is current"))
    }

    @Test func whatIsServedNeverGoesBackToAnOlderDay() throws {
        let shop = try Shop.published()
        try shop.succeed("precompute", "--as-of", "2026-01-05T12:00:00Z")
        let answer = try nothingToDo(shop, "--date", "2026-01-05")
        #expect(
            answer.contains("release 2 is current") && answer.contains("backfill --from 2026-01-05 --to 2026-01-06"))
        // Without publishing it harms nobody.
        #expect(
            try shop.succeed("precompute", "--date", "2026-01-05", "--no-publish").contains("release 3 is validated"))
        #expect(try shop.succeed("precompute", "--date", "2026-01-06").contains("release 4 is current"))
    }

    @Test func aDayThatHasNotBegunAndOneThatIsNoneAreRefused() throws {
        let shop = try Shop.published()
        let tomorrow = try shop.text("SELECT ((now() AT TIME ZONE 'UTC')::date + 1)::text AS text")
        try shop.refuse("precompute", "--date", tomorrow, code: 65, saying: [tomorrow, "has not begun"])
        try shop.refuse(
            "precompute", "--date", "2026-02-30", code: 65, saying: ["'2026-02-30' is no date", "2026-01-31"])
        try shop.refuse("precompute", "--date", "2026-01-02", "--as-of", "now", code: 64, saying: ["not both"])
        try shop.refuse("precompute", "--catch-up", code: 64, saying: ["--date"])
        #expect(try shop.succeed("precompute", "--date", "today", "--dry-run").hasPrefix("would make"))
    }

    @Test func aKilledDayIsGoneOnWith() throws {
        let shop = try Shop.published()
        // Written when all lists are there.
        try shop.holding("nearline.fallback") {
            let running = try shop.commands.start(["precompute", "--date", "2026-01-02"])
            // It may wait for a moment before, as for a heartbeat's row.
            try waitUntil("its lists are there") {
                try shop.number("SELECT count(*) FROM nearline.release_shard WHERE release = 2 AND state = 'done'") > 0
            }
            try shop.awaitLockWait(of: "precompute")
            running.send(SIGKILL)
            _ = try running.wait()
        }
        try shop.awaitEndOfSessions()
        let ended = try shop.commands.run(["precompute", "--date", "2026-01-02"])
        #expect(ended.code == 0 && ended.errors.contains("going on with an unfinished release"), "\(ended.errors)")
        #expect(ended.output.contains("release 2 is current"), "\(ended.output)")
        #expect(
            try shop.text("SELECT logical_date::text AS text FROM nearline.release WHERE release = 2") == "2026-01-02")
    }

    @Test func missedDaysAreSaidAndOnlyTheNewestIsMade() throws {
        let shop = try Shop.published()
        let missed = "SELECT counts->>'dates missed' AS text FROM nearline.run ORDER BY run DESC LIMIT 1"
        try shop.succeed("precompute", "--date", "2026-01-02", "--catch-up")
        #expect(try shop.text(missed) == "0", "there is no day before the first one")
        let ended = try shop.commands.run(["precompute", "--date", "2026-01-06", "--catch-up"])
        for words in ["dates were missed", "2026-01-03", "2026-01-05", "backfill --from 2026-01-03 --to 2026-01-06"] {
            #expect(ended.errors.contains(words), "'\(words)' is not in: \(ended.errors)")
        }
        #expect(try shop.text(missed) == "3")
        #expect(try shop.number("SELECT count(*) FROM nearline.release") == 3)
        try shop.succeed("precompute", "--date", "2026-01-07", "--catch-up")
        #expect(try shop.text(missed) == "0")
    }

    /// Each night is begun three times, as the hourly starts do; two are missed, and a model is made in between.
    @Test func aWeekOfNightsMakesEachOfItsDaysOnceWhateverWasMissed() throws {
        let shop = try Shop.published()
        let nights = ["2026-01-02", "2026-01-03", "2026-01-04", "2026-01-07", "2026-01-08"]
        for (place, date) in nights.enumerated() {
            try addEvent(shop, at: "\(date) 00:00Z")
            if place == 2 { try shop.succeed("train", "--as-of", "\(date)T00:00:00Z") }
            let first = try shop.commands.run(["precompute", "--date", date, "--catch-up"])
            #expect(first.code == 0 && first.output.contains("release \(place + 2) is current"), "\(first)")
            #expect(first.errors.contains("dates were missed") == (date == "2026-01-07"), "\(date): \(first.errors)")
            for _ in 0..<2 { _ = try nothingToDo(shop, "--date", date, "--catch-up") }
            try shop.succeed("prune", "--keep", "3")
            #expect(try shop.currentRelease() == place + 2)
        }
        #expect(
            try shop.texts(
                "SELECT logical_date::text AS text FROM nearline.release WHERE logical_date IS NOT NULL ORDER BY release"
            )
                == nights)
        #expect(
            try shop.texts(
                "SELECT DISTINCT release::text AS text FROM nearline.candidate ORDER BY 1") == ["4", "5", "6"])
        #expect(try shop.number("SELECT count(DISTINCT model) FROM nearline.release") == 2)
        #expect(try shop.strayTables().isEmpty)
    }

    @Test func ofTenStartsAtOnceOneMakesTheDay() throws {
        let shop = try Shop.published()
        let all = try (0..<10).map { _ in try shop.commands.start(["precompute", "--date", "2026-01-02"]) }
        let codes = try all.map { try $0.wait().code }
        #expect(codes.contains(0) && codes.allSatisfy { $0 == 0 || $0 == 75 }, "\(codes)")
        #expect(try shop.number("SELECT count(*) FROM nearline.release WHERE logical_date = '2026-01-02'") == 1)
        #expect(try nothingToDo(shop, "--date", "2026-01-02").contains("release 2"))
    }
}
