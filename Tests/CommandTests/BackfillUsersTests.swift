import Foundation
import Testing

/// `nearline backfill --users` and `--where`: some users' lists anew, into the overlay of what is served.
@Suite struct BackfillUsersTests {
    private func overlay(_ shop: Shop) throws -> [String] {
        try shop.texts("SELECT user_id::text AS text FROM nearline.overlay WHERE release = 1 ORDER BY user_id")
    }

    /// Users that the events have, in the order of their keys.
    private func users(_ shop: Shop, _ count: Int) throws -> [String] {
        try shop.texts("SELECT user_id::text AS text FROM shop.events GROUP BY user_id ORDER BY user_id LIMIT \(count)")
    }

    @Test func usersOfAFileAreAnsweredNewListsAndNobodyElse() throws {
        let shop = try Shop.published(), some = try users(shop, 3)
        // From another system, twice the same, with a last line that does not end, and somebody whom nobody knows.
        try shop.write("\u{FEFF}\(some[0])\r\n\(some[2])\r\n\r\n\(some[0])\r\n999999", to: "users.txt")
        try shop.execute("DELETE FROM nearline.candidate_r1 WHERE user_id::text = '\(some[2])'")
        let answer = try shop.succeed("backfill", "--users", "users.txt")
        #expect(answer.contains("made 2 lists for 3 users in the overlay of release 1"), "\(answer)")
        #expect(try overlay(shop) == [some[0], some[2]])
        #expect(try shop.succeed("lookup", some[2]).contains("near-line"))
        #expect(
            try shop.number(
                "SELECT (counts->>'users of whom nothing is known')::int FROM nearline.run ORDER BY run DESC LIMIT 1")
                == 1
        )
    }

    @Test func aListOfTheOverlayIsTheOneThatAReleaseOfThatInstantWouldHold() throws {
        let shop = try Shop.published(), user = try users(shop, 1)[0]
        let input = try FileHandle(
            forReadingFrom: {
                try shop.write("\(user)\n", to: "one"); return URL(fileURLWithPath: "\(shop.folder)/one")
            }())
        let ended = try shop.commands.run(["backfill", "--users", "-"], input: input)
        #expect(ended.code == 0, "\(ended.errors)")
        let instant = try shop.text(
            "SELECT to_char(as_of AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AS text FROM nearline.overlay"
        )
        func items(_ sql: String) throws -> [String] {
            try shop.texts("SELECT concat_ws(' ', rank, item_id, score) AS text FROM \(sql) ORDER BY rank")
        }
        let new = try items("nearline.lookup(\(user))")
        try shop.succeed("precompute", "--as-of", instant, "--no-publish", "--model", try shop.modelFile())
        #expect(try new == items("nearline.lookup_in(2, \(user))"))
        #expect(new.count == Shop.candidates)
    }

    @Test func aFileWithBadKeysOrWithoutAnyOrThatIsMissingMakesNoList() throws {
        let shop = try Shop.published()
        try shop.write("1\nabc\n2\n \n9223372036854775808\n", to: "bad.txt")
        try shop.refuse(
            "backfill", "--users", "bad.txt", code: 65,
            saying: ["3 lines are no keys of type bigint", "line 2 'abc'", "line 4", "line 5"])
        try shop.write("\r\n\n", to: "empty.txt")
        #expect(try shop.succeed("backfill", "--users", "empty.txt").contains("nothing to do: nobody"))
        try shop.refuse("backfill", "--users", "none.txt", code: 66, saying: ["there is no file none.txt"])
        try shop.refuse("backfill", "--users", ".", code: 66, saying: ["there is no file"])
        #expect(try overlay(shop).isEmpty)
        #expect(try shop.number("SELECT count(*) FROM nearline.run WHERE command = 'backfill'") == 0)
    }

    @Test func usersAreFoundByAConditionOnTheirEvents() throws {
        let shop = try Shop.published()
        let wanted = try shop.texts(
            "SELECT DISTINCT user_id AS u, user_id::text AS text FROM shop.events WHERE action = 'purchase' AND user_id % 2 = 0 ORDER BY 1"
        )
        try #require(!wanted.isEmpty && wanted.count < 60)
        let answer = try shop.succeed("backfill", "--where", "action = 'purchase' AND user_id % 2 = 0 -- even ones")
        #expect(answer.contains("made \(wanted.count) lists"), "\(answer)")
        #expect(try overlay(shop) == wanted)
        #expect(try shop.succeed("backfill", "--where", "false").contains("nothing to do"))
    }

    @Test(arguments: [
        ("user_id === 1", "operator does not exist"), ("nosuchcolumn = 1", "nosuchcolumn"), ("true", ""),
        ("true); DROP TABLE shop.events; --", "syntax error"),
        ("true); COMMIT; DROP TABLE shop.events; SELECT (true", "multiple commands"),
        ("user_id IN (WITH gone AS (DELETE FROM shop.events RETURNING 1) SELECT 1)", "WITH"),
        ("nextval('public.counter') > 0", "read-only"), ("user_id = 'x'", "invalid input"),
        ("true) OR (", "syntax error"),
    ]) func aConditionThatIsNoneIsRefusedAndNothingItDoesHasAnEffect(_ condition: String, _ words: String) throws {
        let shop = try Shop.published()
        try shop.execute("CREATE SEQUENCE public.counter")
        let events = try shop.number("SELECT count(*) FROM shop.events")
        if words.isEmpty {
            try shop.succeed("backfill", "--where", condition)
        } else {
            try shop.refuse("backfill", "--where", condition, code: 65, saying: ["--where \(condition)", words])
        }
        #expect(try shop.number("SELECT count(*) FROM shop.events") == events)
        #expect(try shop.number("SELECT last_value FROM public.counter WHERE NOT is_called") == 1)
    }

    @Test func aRunThatIsCutShortIsGoneOnWithWhereItWas() throws {
        let shop = try Shop.published()
        // The list of the last user cannot be stored at first.
        try shop.execute(
            """
            CREATE FUNCTION public.hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF NEW.user_id = (SELECT max(user_id) FROM shop.events) THEN
                    LOCK TABLE nearline.quarantine IN ROW EXCLUSIVE MODE;
                END IF;
                RETURN NEW;
            END $$;
            CREATE TRIGGER hold BEFORE INSERT ON nearline.overlay_r1 FOR EACH ROW EXECUTE FUNCTION public.hold()
            """)
        let command = ["backfill", "--where", "true", "--max-rate", "50"]
        try shop.holding("nearline.quarantine", in: "SHARE") {
            let running = try shop.commands.start(command)
            // Sessions wait for each other at other times too.
            try waitUntil("the first fifty") { try overlay(shop).count == 50 }
            try shop.awaitLockWait(of: "backfill")
            running.send(SIGKILL)
            _ = try running.wait()
        }
        try shop.awaitEndOfSessions()
        let before = try shop.text(
            "SELECT string_agg(xmin::text, ',' ORDER BY user_id) AS text FROM nearline.overlay_r1")
        #expect(try overlay(shop).count == 50)
        let ended = try shop.commands.run(command)
        #expect(
            ended.output.contains("50 were there from the run that was cut short"), "\(ended.output) \(ended.errors)")
        #expect(try overlay(shop).count == 60)
        #expect(try shop.number("SELECT count(DISTINCT as_of) FROM nearline.overlay_r1") == 1)
        #expect(
            try shop.text("SELECT string_agg(xmin::text, ',' ORDER BY user_id) AS text FROM nearline.overlay_r1")
                .hasPrefix(before))
        // One that came to its end is not: the next one makes them as of its own now.
        #expect(try !shop.commands.run(command).output.contains("cut short"))
    }
}
