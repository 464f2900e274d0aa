import Foundation
import Testing

/// `nearline backfill --from --to`: past days' releases, to be looked into and never served by themselves.
@Suite struct BackfillTests {
    /// A shop whose model has seen nothing later than its first days.
    private func shop() throws -> Shop {
        let shop = try Shop.published()
        try shop.succeed("train", "--as-of", "2025-12-24T00:00:00Z")
        return shop
    }

    private static let settings = ["NEARLINE_CANDIDATES": "10"]

    @discardableResult
    private func backfill(_ shop: Shop, _ from: String, _ to: String, _ more: String...) throws -> Ended {
        let ended = try shop.commands.run(["backfill", "--from", from, "--to", to] + more, with: Self.settings)
        try #require(ended.code == 0, "\(ended.errors)")
        return ended
    }

    /// What each day's release holds, by day.
    private func history(_ shop: Shop) throws -> [String: String] {
        var found: [String: String] = [:]
        for text in try shop.texts(
            "SELECT logical_date || ' ' || release AS text FROM nearline.release WHERE is_history AND state = 'validated'"
        ) {
            let parts = text.split(separator: " ")
            found[String(parts[0])] = try shop.payloads(ofRelease: Int(parts[1])!)
        }
        return found
    }

    @Test func twoRangesMakeTheBytesOfOne() throws {
        let (whole, parts) = (try shop(), try shop())
        try backfill(whole, "2025-12-26", "2025-12-30")
        try backfill(parts, "2025-12-26", "2025-12-28")
        // What is served meanwhile is nothing to the past.
        try parts.succeed("precompute", "--date", "2026-01-02", "--clusters", "category")
        try backfill(parts, "2025-12-28", "2025-12-30")
        let days = try history(whole)
        #expect(days.keys.sorted() == ["2025-12-26", "2025-12-27", "2025-12-28", "2025-12-29"])
        #expect(Set(days.values).count == 4, "each day is its own")
        #expect(try history(parts) == days)
    }

    @Test func daysAreMadeOfWhatWasKnownThenAndDoneOnce() throws {
        let shop = try shop()
        try backfill(shop, "2025-12-26", "2025-12-28")
        #expect(
            try shop.number(
                """
                SELECT count(*) FROM nearline.release JOIN nearline.model m USING (model) WHERE is_history
                    AND release.as_of = logical_date::timestamp AT TIME ZONE 'UTC' AND m.as_of < release.as_of
                """) == 2)
        let before = try shop.contents()
        #expect(try backfill(shop, "2025-12-26", "2025-12-28").output.hasPrefix("nothing to do: all 2 days"))
        #expect(try shop.contents() == before)
        #expect(try backfill(shop, "2025-12-26", "2025-12-29").output.contains("made 1 days"))
        #expect(
            try shop.text("SELECT counts::text AS text FROM nearline.run ORDER BY run DESC LIMIT 1")
                .contains("\"dates done before\": 2"))
        #expect(try backfill(shop, "2025-12-28", "2025-12-29", "--again").output.contains("made 1 days"))
    }

    @Test func pastDaysAreNotServedNotInLineAndPrunedByThatNameOnly() throws {
        let shop = try shop(), served = try shop.served()
        try backfill(shop, "2025-12-26", "2025-12-28")
        #expect(try shop.served() == served)
        #expect(try shop.succeed("publish").contains("nothing to do"))
        #expect(try !shop.succeed("status", "--max-age", "100000d").contains("wait"))
        #expect(try shop.number("SELECT count(waiting_release) FROM nearline.status") == 0)
        let listed = try shop.succeed("releases")
        #expect(listed.contains("validated, history") && listed.contains("2025-12-27"), "\(listed)")
        #expect(try shop.number("SELECT count(*) FROM nearline.candidate WHERE release = 2") > 0)
        #expect(try shop.number("SELECT count(*) FROM nearline.lookup_in(2, 1)") == 10)
        // One that waits stays beside them, and they beside it.
        try shop.succeed("precompute", "--date", "2026-01-02", "--no-publish")
        try backfill(shop, "2025-12-28", "2025-12-29")
        #expect(try shop.succeed("prune", "--keep", "1").contains("nothing to prune"))
        #expect(try shop.succeed("publish").contains("release 4 is current"))
        #expect(
            try shop.succeed("prune", "--keep", "1", "--history", "--min-age", "1 day").contains("nothing to prune"))
        #expect(try shop.succeed("prune", "--keep", "1", "--history").contains("pruned releases 2, 3, 5"))
        #expect(try shop.currentRelease() == 4)
    }

    @Test func aKilledDayIsGoneOnWithWhileTheNightGoesItsWay() throws {
        let (shop, calm) = (try shop(), try shop())
        try shop.execute(
            """
            CREATE FUNCTION public.hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF NEW.release = 3 THEN LOCK TABLE nearline.quarantine IN ROW EXCLUSIVE MODE; END IF; RETURN NEW;
            END $$;
            CREATE TRIGGER hold BEFORE INSERT ON nearline.fallback FOR EACH ROW EXECUTE FUNCTION public.hold()
            """)
        try shop.holding("nearline.quarantine", in: "SHARE") {
            let running = try shop.commands.start(
                ["backfill", "--from", "2025-12-26", "--to", "2025-12-29"], with: Self.settings)
            try shop.awaitLockWait(of: "backfill")
            // One at a time; a night is another command, and leaves what the backfill builds alone.
            try shop.refuse(
                "backfill", "--from", "2025-12-26", "--to", "2025-12-27", "--again", code: 75,
                saying: ["already running"])
            running.send(SIGKILL)
            _ = try running.wait()
        }
        try shop.awaitEndOfSessions()
        try shop.succeed("precompute", "--date", "2026-01-02")
        try shop.succeed("prune")
        #expect(try shop.text("SELECT state AS text FROM nearline.release WHERE release = 3") == "building")
        let ended = try backfill(shop, "2025-12-26", "2025-12-29")
        #expect(ended.errors.contains("going on with an unfinished release"), "\(ended.errors)")
        #expect(ended.output.contains("made 2 days") && ended.output.contains("1 were done before"), "\(ended.output)")
        try backfill(calm, "2025-12-26", "2025-12-29")
        #expect(try history(shop) == history(calm))
        #expect(try shop.number("SELECT count(*) FROM nearline.release WHERE is_history") == 3)
    }

    @Test func severalProcessesMakeTheBytesOfOneAlsoWhereTheyJoinFromElsewhere() throws {
        let (calm, shop, joined) = (try shop(), try shop(), try shop())
        let small = Self.settings.merging(["NEARLINE_SHARD_USERS": "7"]) { $1 }
        let days = ["backfill", "--from", "2025-12-26", "--to", "2025-12-28"]
        func made(_ shop: Shop, _ more: String...) throws -> [String: String] {
            let ended = try shop.commands.run(days + more, with: small)
            try #require(ended.code == 0, "\(ended.errors)")
            return try history(shop)
        }
        let whole = try made(calm)
        // Each shard takes a moment, so that the second process, too, comes by one.
        let slowly = """
            CREATE FUNCTION public.wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF NEW.state = 'done' AND NEW.shard > 0 THEN PERFORM pg_sleep(0.3); END IF; RETURN NEW;
            END $$;
            CREATE TRIGGER wait BEFORE UPDATE ON nearline.release_shard FOR EACH ROW EXECUTE FUNCTION public.wait()
            """
        try shop.execute(slowly)
        #expect(try made(shop, "--workers", "2") == whole)
        func workers(_ shop: Shop) throws -> [Int] {
            try [2, 3].map {
                try shop.number("SELECT count(DISTINCT worker) FROM nearline.release_shard WHERE release = \($0)")
            }
        }
        #expect(try workers(shop) == [2, 2])
        // One that joins goes on with the next day, and leaves with the run.
        try joined.execute(slowly)
        let running = try joined.commands.start(days, with: small)
        try waitUntil("the first shard") {
            try joined.number("SELECT count(*) FROM nearline.release_shard WHERE release = 2 AND state = 'done'") > 0
        }
        let run = try joined.number("SELECT max(run) FROM nearline.run")
        let helper = try joined.commands.run(["work", "--run", "\(run)"])
        #expect(try running.wait().code == 0)
        #expect(
            helper.code == 0 && helper.output.contains("of 2 releases, for run \(run)"),
            "\(helper.output) \(helper.errors)")
        #expect(try workers(joined) == [2, 2])
        #expect(try history(joined) == whole)
    }

    @Test func whoeverJoinsKeepsToItsPaceToo() throws {
        let shop = try shop()
        let small = Self.settings.merging(["NEARLINE_SHARD_USERS": "7"]) { $1 }
        let running = try shop.commands.start(
            [
                "backfill", "--from", "2025-12-26", "--to", "2025-12-27", "--max-rate", "7", "--pause-if",
                "connections>4711",
            ],
            with: small)
        try waitUntil("the first shard") {
            try shop.number("SELECT count(*) FROM nearline.release_shard WHERE release = 2 AND state = 'done'") > 0
        }
        let run = "\(try shop.number("SELECT max(run) FROM nearline.run"))"
        try shop.refuse("work", "--run", run, code: 75, saying: ["held to 7.0 users a second", "--max-rate"])
        // Sooner or later one condition holds for each of them.
        try shop.execute(
            "UPDATE nearline.run SET settings = settings || '{\"pause-if\": \"replication-lag>1GB,connections>0\"}' WHERE run = \(run)"
        )
        let helper = try shop.commands.start(["work", "--run", run, "--max-rate", "5"], with: small)
        try waitUntil("the pause") { try helper.errorsSoFar.contains("connections>0, it is") }
        helper.send(SIGTERM)
        #expect(try helper.wait().code == 143)
        running.send(SIGTERM)
        #expect(try running.wait().code == 143)
        try shop.refuse(
            "backfill", "--where", "true", "--workers", "2", code: 64, saying: ["--workers", "is for days"])
    }

    @Test func aDayThatAGateRefusesIsSaidAndTriedAgain() throws {
        let shop = try shop()
        let refused = try shop.commands.run(
            ["backfill", "--from", "2025-12-26", "--to", "2025-12-27"],
            with: Self.settings.merging(["NEARLINE_MIN_USERS": "1000"]) { $1 })
        #expect(refused.code == 65, "\(refused.errors)")
        #expect(try backfill(shop, "2025-12-26", "2025-12-27").output.contains("made 1 days"))
        #expect(try shop.number("SELECT count(*) FROM nearline.release WHERE is_history") == 1)
    }

    @Test func aModelThatKnowsWhatCameLaterIsTakenOnlyByName() throws {
        let shop = try Shop.published()
        try shop.refuse(
            "backfill", "--from", "2025-12-26", "--to", "2025-12-27", code: 65,
            saying: ["has seen events up to 2026-01-01", "--with-later-model"])
        try shop.refuse(
            "backfill", "--from", "2025-12-26", "--to", "2025-12-27", "--model", try shop.modelFile(), code: 65,
            saying: ["--with-later-model"])
        let planned = try backfill(shop, "2025-12-26", "2025-12-27", "--with-later-model", "--dry-run").output
        #expect(planned.contains("which has seen later events"), "\(planned)")
        #expect(try backfill(shop, "2025-12-26", "2025-12-27", "--with-later-model").output.contains("made 1 days"))
    }

    @Test func aDryRunSaysWhatItWouldDoAndWritesNothing() throws {
        let shop = try shop()
        try backfill(shop, "2025-12-26", "2025-12-27")
        let before = try shop.contents(), next = try shop.text("SELECT pg_current_xact_id()::text AS text")
        let plan = try backfill(shop, "2025-12-26", "2025-12-29", "--dry-run").output
        for words in ["would backfill", "2 of 3 days to make, 1 are done", "60 users a day, 120 lists", " s"] {
            #expect(plan.contains(words), "'\(words)' is not in: \(plan)")
        }
        #expect(
            try shop.succeed("backfill", "--where", "true", "--dry-run").hasPrefix(
                "would make lists of 20 for 60 users"))
        #expect(try shop.contents() == before)
        // A transaction that writes takes a number; other tests of the cluster take some too, so ours are told by the rows.
        #expect(try shop.number("SELECT count(*) FROM nearline.run WHERE xmin::text::bigint >= \(next)") == 0)
    }

    @Test func daysThatAreNoneOrHaveNotBegunAreRefused() throws {
        let shop = try shop()
        let today = try shop.text("SELECT (now() AT TIME ZONE 'UTC')::date::text AS text")
        let later = try shop.text("SELECT ((now() AT TIME ZONE 'UTC')::date + 2)::text AS text")
        try shop.refuse("backfill", "--from", today, "--to", later, code: 65, saying: [later, "has not begun"])
        try shop.refuse("backfill", "--from", "2025-12-26", "--to", "2025-12-26", code: 64, saying: ["there is no day"])
        try shop.refuse("backfill", "--from", "2025-12-26", code: 64, saying: ["go together"])
        try shop.refuse("backfill", "--from", "1", "--to", "2", code: 65, saying: ["'1' is no date"])
        try shop.refuse("backfill", code: 64, saying: ["one of them"])
        for rate in ["0", "-1", "nan", "inf"] {
            try shop.refuse("backfill", "--users", "-", "--max-rate=\(rate)", code: 64, saying: ["--max-rate"])
        }
        try shop.refuse(
            "backfill", "--users", "-", "--pause-if", "load>3", code: 64,
            saying: ["'load>3' is no condition", "replication-lag>30s"])
    }

    @Test func aPausedBackfillSaysSoAndCanBeStopped() throws {
        let shop = try shop()
        let running = try shop.commands.start(
            ["backfill", "--from", "2025-12-26", "--to", "2025-12-27", "--pause-if", "connections>0"],
            with: Self.settings)
        try waitUntil("the pause is said") {
            try shop.number(
                "SELECT count(*) FROM nearline.runs WHERE state = 'running' AND stage LIKE 'paused: connections>0, it is%'"
            ) == 1
        }
        #expect(
            try shop.number("SELECT count(*) FROM nearline.release_shard WHERE release = 2 AND state = 'done'") == 0)
        running.send(SIGTERM)
        #expect(try running.wait().code == 143)
        #expect(
            try backfill(
                shop, "2025-12-26", "2025-12-27", "--pause-if", "connections>100000", "--pause-if",
                "replication-lag>30s"
            ).output.contains("made 1 days"))
    }

    @Test func aRateBoundsHowFastDaysAreMade() throws {
        let shop = try shop()
        func seconds(_ day: String, _ next: String, _ rate: String) throws -> Double {
            let ended = try shop.commands.run(
                ["backfill", "--from", day, "--to", next, "--max-rate", rate],
                with: Self.settings.merging(["NEARLINE_SHARD_USERS": "10"]) { $1 })
            try #require(ended.code == 0, "\(ended.errors)")
            return Double(
                try shop.text(
                    "SELECT (stage_seconds->>'making lists') AS text FROM nearline.run ORDER BY run DESC LIMIT 1"))!
        }
        let users = Double(
            try shop.number("SELECT count(DISTINCT user_id) FROM shop.events WHERE occurred_at <= '2025-12-26Z'"))
        let slow = try seconds("2025-12-26", "2025-12-27", "30"),
            fast = try seconds("2025-12-25", "2025-12-26", "1000000")
        #expect(slow >= users / 30, "not faster than asked for")
        #expect(slow > 2 * fast, "\(slow) s and \(fast) s")
    }
}
