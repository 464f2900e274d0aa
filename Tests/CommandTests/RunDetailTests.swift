import Foundation
import Testing

/// `nearline runs` and `nearline runs RUN`: what happened, and how far what happens is.
@Suite struct RunDetailTests {
    @Test func oneRunIsShownWithStagesCountsSettingsAndRefusedRows() throws {
        let shop = try Shop.published()
        try shop.execute(
            "INSERT INTO shop.events SELECT user_id, item_id, occurred_at, 'stared at' FROM shop.events LIMIT 7")
        try shop.succeed("precompute", "--as-of", Shop.asOf, "--again")
        let run = try shop.number("SELECT max(run) FROM nearline.run")
        let answer = try shop.succeed("runs", "\(run)")
        for words in [
            "precompute", "done", "making lists", "7 rows refused: unknown action", "action stared at", "release",
            "payload bytes", "transition-keys", "peak memory",
        ] {
            #expect(answer.contains(words), "'\(words)' is not in: \(answer)")
        }
        let text = try shop.succeed("runs", "\(run)", "--json")
        let facts = try #require(JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        let refused = try #require(facts["refused"] as? [[String: Any]])
        #expect(refused.count == 1 && refused[0]["rows"] as? Int == 7)
        #expect((refused[0]["sample"] as? [String])?.count == 5, "a few of them, not all")
        #expect((facts["stage_seconds"] as? [String: Double])?["making lists"] != nil)
    }

    @Test func aRunThatFailedSaysWhyAndOneThatIsNotThereIsMissingInput() throws {
        let shop = try Shop.published()
        try shop.refuse(
            "precompute", "--as-of", Shop.asOf, "--again", "--snapshot", "/proc/nowhere", code: 74,
            saying: ["/proc/nowhere"])
        let run = try shop.number("SELECT max(run) FROM nearline.run")
        #expect(try shop.succeed("runs", "\(run)").contains("cannot write /proc/nowhere"))
        try shop.refuse("runs", "\(run + 1)", code: 66, saying: ["there is no run \(run + 1)"])
    }

    @Test func aRunAtWorkSaysHowFarItIsHowFastAndHowLongStill() throws {
        let shop = try Shop.imported()
        try shop.execute(
            """
            ALTER TABLE nearline.run ADD COLUMN IF NOT EXISTS stage text, ADD COLUMN IF NOT EXISTS done bigint,
                ADD COLUMN IF NOT EXISTS total bigint, ADD COLUMN IF NOT EXISTS unit text,
                ADD COLUMN IF NOT EXISTS heartbeat_at timestamptz, ADD COLUMN IF NOT EXISTS lease_until timestamptz;
            INSERT INTO nearline.run (command, worker, backend_pid, started_at, stage_seconds, stage, done, total, unit,
                heartbeat_at, lease_until)
            SELECT command, gen_random_uuid(), pg_backend_pid(), now() - interval '60 s', '{"reading": 40}', 'making lists', 1000, 5000,
                'users', now() - interval '10 s', now() + lease
            FROM (VALUES ('precompute', interval '50 s'), ('refresh', interval '-1 s')) AS held (command, lease)
            """)
        let lines = try shop.succeed("runs", "--count", "2").split(separator: "\n")
        let alive = try #require(lines.first { $0.contains("precompute") })
        // 10 s after the stage began, and 4000 to go.
        #expect(
            alive.contains("running") && alive.contains("making lists: 1000 of 5000 users, 100/s, 40 s left"),
            "\(alive)")
        let passed = try #require(lines.first { $0.contains("refresh") })
        #expect(passed.contains("lost"), "its lease has passed: \(passed)")
        let status = try shop.commands.run(["status"]).output
        #expect(status.contains("at work: precompute") && !status.contains("at work: refresh"), "\(status)")
    }
}
