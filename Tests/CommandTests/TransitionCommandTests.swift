import Foundation
import Postgres
import Testing

/// What comes next is counted anew within a release, all or nothing, and read by cluster and by item.
@Suite struct TransitionCommandTests {
    /// Everybody goes from the first category to the second, late on the last day: enough to be seen.
    private func addEvents(_ shop: Shop) throws {
        try shop.execute(
            """
            INSERT INTO shop.events (user_id, item_id, occurred_at, action)
            SELECT u.user_id, i.item_id, '2025-12-31 23:00Z'::timestamptz + i.place * interval '1 minute', 'purchase'
            FROM (SELECT DISTINCT user_id FROM shop.events) u CROSS JOIN (
                SELECT min(item_id) AS item_id, row_number() OVER (ORDER BY category) AS place
                FROM shop.items WHERE category IS NOT NULL GROUP BY category ORDER BY category LIMIT 2) i
            """)
    }

    /// Transitions from the events by window functions: for every pair of distinct clusters what came next, and how often.
    private static let plain = """
        WITH engaged AS (
            SELECT e.user_id, e.occurred_at, e.item_id, c.name AS cluster FROM shop.events e
            JOIN nearline.release_item i ON i.item_id = e.item_id AND i.release = (SELECT release FROM nearline.current_release)
            JOIN nearline.release_cluster c ON c.cluster = i.cluster AND c.release = i.release
            WHERE e.action <> 'impression' AND e.occurred_at <= '\(Shop.asOf)'
        ), changes AS (
            SELECT *, lag(cluster) OVER w IS DISTINCT FROM cluster AS is_new FROM engaged
            WINDOW w AS (PARTITION BY user_id ORDER BY occurred_at, item_id)
        ), steps AS (
            SELECT lag(cluster, 2) OVER w AS older, lag(cluster) OVER w AS latest, cluster AS next FROM changes WHERE is_new
            WINDOW w AS (PARTITION BY user_id ORDER BY occurred_at, item_id)
        )
        SELECT older, latest, next, count(*) AS n FROM steps
        WHERE older IS NOT NULL AND older <> next GROUP BY 1, 2, 3
        """

    @Test func storedSupportsAreThoseOfAPlainQuery() throws {
        let shop = try Shop.published()
        let wrong = try shop.number(
            """
            SELECT count(*) FROM (\(Self.plain)) p FULL JOIN (
                SELECT older, latest, cluster AS next, support FROM nearline.transitions
                WHERE older IS NOT NULL AND support > 0) t USING (older, latest, next)
            WHERE p.n IS DISTINCT FROM t.support
            """)
        #expect(wrong == 0)
        #expect(try shop.number("SELECT count(*) FROM (\(Self.plain)) p") > 50)
    }

    @Test func newEventsAreSeenByLookupsWithoutANewRelease() throws {
        let shop = try Shop.published()
        let names = try shop.texts("SELECT name AS text FROM nearline.release_cluster WHERE items > 0 ORDER BY name")
        let question =
            "SELECT coalesce(max(support), 0) FROM nearline.next_clusters('\(names[0])') WHERE cluster = '\(names[1])'"
        let before = try shop.number(question)
        try addEvents(shop)
        let answer = try shop.succeed("transitions", "--as-of", Shop.asOf)
        #expect(answer.contains("build 2: ") && answer.contains("in release 1"), "\(answer)")
        #expect(try shop.currentRelease() == 1)
        #expect(try shop.number(question) >= before + 60)
        #expect(try shop.number("SELECT transition_build FROM nearline.release") == 2)
        // Its lists are those from before.
        #expect(try shop.succeed("transitions", "--as-of", Shop.asOf).contains("nothing to do"))
        #expect(try shop.succeed("transitions", "--churn").contains("build before"))
    }

    @Test func theSameEventsGiveTheSameBytesWithTheReleaseAndAlone() throws {
        let shop = try Shop.published()
        let before = try shop.payloads(ofRelease: 1)
        let details =
            "SELECT md5(string_agg(key || encode(detail, 'hex') || support, ',' ORDER BY key)) AS text FROM nearline.transition"
        let counted = try shop.text(details)
        let answer = try shop.succeed("transitions", "--as-of", Shop.asOf, "--again", with: ["NEARLINE_THREADS": "3"])
        #expect(answer.contains("100.0 %"), "\(answer)")
        #expect(try shop.payloads(ofRelease: 1) == before)
        #expect(try shop.text(details) == counted)
    }

    @Test func aReaderSeesOneBuildOrTheOther() throws {
        let shop = try Shop.published()
        let count = "SELECT count(*) FROM nearline.transition"
        let before = try shop.number(count)
        let reader = try Connection("dbname=\(shop.database)", applicationName: "reader")
        try reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ", doing: "beginning")
        let build = "SELECT transition_build AS n FROM nearline.release"
        #expect(try reader.execute(build, doing: "reading")[0].int("n") == 1)
        try addEvents(shop)
        try shop.succeed("transitions", "--as-of", Shop.asOf)
        #expect(try reader.execute(build, doing: "reading")[0].int("n") == 1)
        #expect(try reader.execute("\(count) ", doing: "reading")[0].int("count") == before)
        try reader.execute("COMMIT", doing: "ending")
        #expect(try reader.execute(build, doing: "reading")[0].int("n") == 2)
    }

    @Test func transitionsThatLostTooManyKeysAreRefusedUnlessForced() throws {
        let shop = try Shop.published()
        try shop.execute("DELETE FROM shop.events WHERE user_id > (SELECT min(user_id) + 1 FROM shop.events)")
        let strict = ["NEARLINE_MAX_TRANSITION_DROP": "0"]
        try shop.refuse(
            "transitions", "--as-of", Shop.asOf, code: 65,
            saying: ["keys:", "bound: at most 0.0 % fewer", "see: SELECT", "are as they were", "--force"], with: strict)
        #expect(try shop.number("SELECT transition_build FROM nearline.release") == 1)
        #expect(try shop.number("SELECT count(*) FROM nearline.transition_build") == 1)
        let forced = try shop.succeed(
            "transitions", "--as-of", Shop.asOf, "--force", "--reason", "a new shop", with: strict)
        #expect(forced.contains("build "), "\(forced)")
        #expect(
            try shop.text("SELECT reason AS text FROM nearline.transition_build ORDER BY build DESC LIMIT 1")
                == "a new shop")
    }

    @Test func aSourceThatLostItsEventsLeavesTheTransitionsThatAreThere() throws {
        let shop = try Shop.published()
        try shop.execute(
            "DELETE FROM shop.events WHERE occurred_at > (SELECT min(occurred_at) + interval '1 day' FROM shop.events)")
        try shop.refuse(
            "transitions", "--as-of", Shop.asOf, code: 65, saying: ["keys:", "bound: at most 50.0 % fewer"])
        #expect(try shop.number("SELECT count(*) FROM nearline.transition") > 1)
        try shop.execute("DELETE FROM shop.events")
        try shop.refuse("transitions", "--as-of", Shop.asOf, code: 65, saying: ["keys: 0"])
    }

    @Test func aKilledRunChangesNothingAndTheNextOneGoesThrough() throws {
        let shop = try Shop.published()
        let before = try shop.payloads(ofRelease: 1)
        try addEvents(shop)
        // Held before it can store anything.
        let holder = try Connection("dbname=\(shop.database)", applicationName: "holder")
        try holder.execute("BEGIN", doing: "beginning")
        try holder.execute("SELECT 1 FROM nearline.release FOR UPDATE", doing: "holding the release")
        let run = try shop.commands.start(["transitions", "--as-of", Shop.asOf])
        try waitUntil("the run waits for the release") {
            try shop.number(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name LIKE 'nearline transitions%'"
            )
                > 0
        }
        run.send(SIGKILL)
        _ = try run.wait()
        try holder.execute("ROLLBACK", doing: "letting go")
        #expect(try shop.payloads(ofRelease: 1) == before)
        let answer = try shop.succeed("transitions", "--as-of", Shop.asOf)
        #expect(answer.contains("build "), "\(answer)")
        #expect(
            try shop.number("SELECT count(*) FROM nearline.run WHERE command = 'transitions' AND state = 'lost'") == 1)
        #expect(try shop.payloads(ofRelease: 1) != before)
    }

    @Test func anItemThatCameLaterHasTheClusterOfItsCategory() throws {
        let shop = try Shop.published()
        let category = try shop.text("SELECT min(category) AS text FROM shop.items")
        try shop.execute("INSERT INTO shop.items (item_id, category) VALUES (999001, '\(category)')")
        try shop.execute(
            """
            INSERT INTO shop.events (user_id, item_id, occurred_at, action)
            SELECT DISTINCT user_id, 999001, '2025-12-31 23:30Z'::timestamptz, 'purchase' FROM shop.events
            """)
        try shop.succeed("transitions", "--as-of", Shop.asOf)
        #expect(try shop.text("SELECT (nearline.clusters_of(ARRAY[999001]))[1] AS text") == category)
        // And may be shown, although no model knows it.
        let other = try shop.text("SELECT max(category) AS text FROM shop.items")
        #expect(
            try shop.number(
                "SELECT count(*) FROM nearline.transition_candidates(ARRAY['\(other)'], 1000) WHERE item_id = 999001")
                == 1)
        #expect(try shop.succeed("lookup", "--after-items", "999001").contains("after \(category) (key used: latest)"))
        #expect(
            try shop.number("SELECT items FROM nearline.release")
                == shop.number("SELECT count(*) FROM nearline.release_item"))
    }

    @Test func aNewReleaseOfTheSameModelDoesNotKeepThemAway() throws {
        let shop = try Shop.published()
        try shop.execute("INSERT INTO shop.items (item_id, category) SELECT 999003, min(category) FROM shop.items")
        try shop.succeed("transitions", "--as-of", Shop.asOf)
        try shop.succeed("precompute", "--as-of", Shop.asOf)
        #expect(try shop.succeed("transitions", "--as-of", Shop.asOf).contains("in release 2"))
        #expect(try shop.number("SELECT cardinality(nearline.clusters_of(ARRAY[999003]))") == 1)
    }

    @Test func aHundredCommasAreSplitAtOnce() throws {
        let shop = try Shop.published()
        try shop.execute(
            "UPDATE nearline.release_cluster SET name = CASE cluster WHEN 0 THEN 'a' ELSE 'a,a' END WHERE cluster < 2")
        try shop.refuse(
            "lookup", "--clusters", String(repeating: "a,", count: 100) + "zz", code: 65,
            saying: ["is no cluster, and not several"])
    }

    @Test func whatIsDeniedToEverybodyIsInNoListThatEndsInItems() throws {
        let shop = try Shop.published()
        let clusters = try shop.texts("SELECT name AS text FROM nearline.release_cluster WHERE items > 0 ORDER BY name")
        let question = "nearline.transition_candidates(ARRAY['\(clusters[0])'], 1000)"
        let item = try shop.text("SELECT item_id::text AS text FROM \(question) ORDER BY rank")
        try shop.execute("INSERT INTO shop.exclusions (item_id, reason) VALUES (\(item), 'recalled')")
        try shop.succeed("transitions", "--as-of", Shop.asOf)
        #expect(try shop.number("SELECT count(*) FROM \(question) WHERE item_id = \(item)") == 0)
        #expect(try shop.number("SELECT count(*) FROM \(question)") > 10)
    }

    @Test func itemsThatWereJustSeenAreNotShownAgain() throws {
        let shop = try Shop.published()
        let items = try shop.text(
            "SELECT array_agg(item_id)::text AS text FROM nearline.release_item WHERE item_row < 40")
        #expect(
            try shop.number(
                "SELECT count(*) FROM nearline.transition_candidates_after('\(items)', 1000) WHERE item_id = ANY ('\(items)')"
            )
                == 0)
        #expect(try shop.number("SELECT count(*) FROM nearline.transition_candidates_after('{}', 7)") == 7)
        #expect(try shop.number("SELECT count(*) FROM nearline.transition_candidates_after('{-5}', 7)") == 7)
        #expect(try shop.number("SELECT count(*) FROM nearline.transition_candidates_after('{-5, NULL}', 7)") == 7)
        #expect(try shop.number("SELECT count(*) FROM nearline.transition_candidates_after(NULL, 2147483647)") > 7)
    }

    @Test func clustersAreShownWithTheirItems() throws {
        let shop = try Shop.published()
        let name = try shop.text(
            "SELECT name AS text FROM nearline.release_cluster ORDER BY events DESC, items DESC, cluster")
        #expect(try shop.succeed("clusters", "--count", "1").contains(name))
        #expect(try shop.succeed("clusters", name, "--items-shown", "5").contains("%"))
        try shop.refuse("clusters", "no such cluster", code: 65, saying: ["'no such cluster'"])
    }

    @Test func semanticClustersKeepTheirNumbersFromReleaseToRelease() throws {
        let shop = try Shop.published()
        let semantic = ["NEARLINE_CLUSTERS": "semantic"]
        let clusters =
            "SELECT md5(string_agg(item_id || ' ' || cluster, ',' ORDER BY item_id)) AS text FROM nearline.release_item WHERE release = "
        try shop.succeed("precompute", "--as-of", Shop.asOf, with: semantic)
        try shop.succeed("precompute", "--as-of", Shop.asOf, "--again", with: semantic)
        #expect(try shop.text(clusters + "2") == shop.text(clusters + "3"))
        #expect(
            try shop.number(
                "SELECT count(*) FROM nearline.release_cluster a JOIN nearline.release_cluster b USING (cluster) WHERE a.release = 2 AND b.release = 3 AND a.name <> b.name"
            )
                == 0)
        #expect(try shop.number("SELECT count(*) FROM nearline.codebook") > 0)
    }

    @Test func embeddingsOfTheItemsMakeClustersAndPlaceNewItems() throws {
        let shop = try Shop.published()
        // Two heaps of items, by whether the key is even.
        try shop.execute(
            """
            ALTER TABLE shop.items ADD COLUMN vector real[];
            UPDATE shop.items SET vector = CASE item_id % 2 WHEN 0 THEN ARRAY[1, item_id % 7 / 100.0] ELSE ARRAY[item_id % 5 / 100.0, 1] END
            """)
        let settings = ["NEARLINE_CLUSTERS": "semantic", "NEARLINE_EMBEDDING": "vector", "NEARLINE_CLUSTER_SHARE": "1"]
        try shop.succeed("precompute", "--as-of", Shop.asOf, with: settings)
        #expect(
            try shop.number(
                "SELECT count(*) FROM (SELECT cluster FROM nearline.release_item WHERE release = 2 GROUP BY cluster HAVING count(DISTINCT item_id % 2) > 1) mixed"
            )
                == 0)
        try shop.execute("INSERT INTO shop.items (item_id, vector) VALUES (999002, ARRAY[1, 0.01])")
        try shop.succeed("transitions", "--as-of", Shop.asOf, with: settings)
        #expect(
            try shop.number(
                """
                SELECT count(*) FROM nearline.release_item n JOIN nearline.release_item o USING (release, cluster)
                WHERE release = 2 AND n.item_id = 999002 AND o.item_id % 2 = 0 AND o.item_id <> n.item_id
                """) > 0)
        try shop.execute(
            "UPDATE shop.items SET vector = ARRAY[1] WHERE item_id = (SELECT min(item_id) FROM shop.items)")
        try shop.refuse(
            "transitions", "--as-of", Shop.asOf, code: 65, saying: ["vector of item", "real numbers"], with: settings)
    }

    @Test func scenesHaveTransitionsOfTheirOwnWhereThatIsAskedFor() throws {
        let shop = try Shop.published()
        try shop.succeed("precompute", "--as-of", Shop.asOf, with: ["NEARLINE_TRANSITION_SCENES": "yes"])
        let scene = try shop.text("SELECT name AS text FROM nearline.release_scene WHERE release = 2 ORDER BY scene")
        #expect(try shop.number("SELECT count(*) FROM nearline.transitions WHERE scene = '\(scene)'") > 0)
        #expect(
            try shop.number(
                "SELECT count(*) FROM nearline.next_clusters_in('\(scene)', 'nobody knows') WHERE key_used = 'everybody'"
            )
                > 0)
        #expect(
            try shop.number("SELECT sum(support) FROM nearline.next_clusters_in('\(scene)', NULL)")
                < shop.number("SELECT sum(support) FROM nearline.next_clusters(NULL)"))
    }

    @Test(arguments: [["--as-of", Shop.asOf], ["--as-of", Shop.asOf, "--again"]])
    func aDryRunSaysSoAndChangesNothing(_ arguments: [String]) throws {
        let shop = try Shop.published()
        try addEvents(shop)
        let before = try shop.contents()
        let ended = try shop.commands.run(["transitions"] + arguments + ["--dry-run"])
        #expect(ended.code == 0 && ended.output.hasPrefix("would count"), "\(ended.output) \(ended.errors)")
        #expect(try shop.contents() == before)
    }

    @Test func withoutAReleaseTheErrorSaysWhatToRun() throws {
        let shop = try Shop.imported()
        for arguments in [["transitions"], ["clusters"], ["lookup", "--after-items", "1"]] {
            let ended = try shop.commands.run(arguments)
            #expect(ended.code == 66 && ended.errors.contains("nothing is published yet"), "\(ended.errors)")
        }
        #expect(try shop.succeed("transitions", "--churn").contains("there is no build yet"))
    }

    @Test func forceNeedsAReason() throws {
        let shop = try Shop()
        let ended = try shop.commands.run(["transitions", "--force"])
        #expect(ended.code == 64 && ended.errors.contains("--force needs --reason"), "\(ended.errors)")
    }
}
