import Foundation
import Testing

/// The jobs of cron, as cron calls them: a script of the repository, and an environment.
@Suite struct JobTests {
    private static let root = String(
        #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/"))

    private func start(
        _ job: String, _ arguments: [String] = [], of shop: Shop, with settings: [String: String] = [:]
    ) throws -> RunningCommand {
        try RunningCommand(
            "\(Self.root)/jobs/\(job).sh", arguments, environment: shop.commands.environment.merging(settings) { $1 },
            folder: shop.folder, input: nil)
    }

    private func models(_ shop: Shop) throws -> Int { try shop.number("SELECT count(*) FROM nearline.model") }

    @Test func aNightTrainsMakesTheDayOnceAndLooksAtIt() throws {
        let shop = try Shop.published()
        let night = try start("nightly", of: shop).wait()
        #expect(night.code == 0, "\(night.errors)")
        let today = try shop.text("SELECT (now() AT TIME ZONE 'UTC')::date::text AS text")
        #expect(
            try shop.text("SELECT logical_date::text AS text FROM nearline.release WHERE state = 'current'") == today)
        #expect(try models(shop) == 2, "the one that was there is older than a week")
        #expect(
            try shop.texts("SELECT command AS text FROM nearline.run WHERE state = 'done' ORDER BY run DESC LIMIT 3")
                == ["prune", "precompute", "train"])
        let before = try shop.contents(), again = try start("nightly", of: shop).wait()
        #expect(again.code == 0 && again.output.contains("nothing to do: release 2 of \(today)"), "\(again.output)")
        #expect(try shop.contents() == before)
    }

    @Test func aModelThatIsYoungEnoughIsKept() throws {
        let shop = try Shop.published()
        // One that has seen events up to ten days ago.
        try shop.succeed(
            "train", "--as-of",
            try shop.text("SELECT ((now() AT TIME ZONE 'UTC')::date - 10)::text || 'T00:00:00Z' AS text"))
        for (age, trained) in [("11", 2), ("10", 3)] {
            let settings = ["NEARLINE_TRAIN_EVERY": age, "NEARLINE_INCREMENTS": "no"]
            #expect(try start("nightly", of: shop, with: settings).wait().code == 0)
            #expect(try models(shop) == trained)
        }
        try shop.refuse("train", "--every", "week", code: 64, saying: ["--every", "'week'"])
    }

    @Test func aNightGoesOnFromTheModelOfTheNightBefore() throws {
        let shop = try Shop.published()
        let dayBefore = try shop.text("SELECT ((now() AT TIME ZONE 'UTC')::date - 1)::text || 'T00:00:00Z' AS text")
        try shop.succeed("train", "--as-of", dayBefore)
        let night = try start("nightly", of: shop).wait()
        #expect(night.code == 0 && !night.errors.contains("from scratch"), "\(night.errors)")
        #expect(try models(shop) == 3)
        #expect(
            try shop.number(
                "SELECT count(*) FROM nearline.run WHERE command = 'train' AND counts ? 'users of the bucket'") == 1)
        #expect(try start("nightly", of: shop).wait().output.contains("nothing to do"))
        let unclear = try start("nightly", of: shop, with: ["NEARLINE_INCREMENTS": "true"]).wait()
        #expect(unclear.code == 64 && unclear.errors.contains("'true'; say yes or no"), "\(unclear.errors)")
        #expect(try models(shop) == 3)
    }

    @Test func modelsThatNobodyNeedsGoWhenTheyAreOldEnough() throws {
        let shop = try Shop.published()
        let days = try shop.texts(
            """
            SELECT ((now() AT TIME ZONE 'UTC')::date - d)::text || 'T00:00:00Z' AS text FROM generate_series(9, 6, -1) d
            """)
        for day in days { try shop.succeed("train", "--as-of", day) }
        #expect(try start("nightly", of: shop, with: ["NEARLINE_INCREMENTS": "no"]).wait().code == 0)
        let there = "SELECT model AS text FROM nearline.model WHERE removed_at IS NULL ORDER BY as_of"
        func files() throws -> Int {
            try FileManager.default.contentsOfDirectory(atPath: "\(shop.folder)/models").count {
                $0.hasSuffix(".safetensors")
            }
        }
        #expect(try shop.texts(there).count == 5 && files() == 5)
        // Two releases, of the first and of the last model; of the others two are old enough.
        try shop.execute(
            """
            UPDATE nearline.model SET created_at = now() - interval '31 days' WHERE as_of <= '\(days[1])'
            """)
        let again = try start("nightly", ["--again"], of: shop, with: ["NEARLINE_INCREMENTS": "no"]).wait()
        #expect(again.code == 0, "\(again.errors)")
        #expect(try shop.texts(there).count == 3 && files() == 3)
        let dry = try shop.succeed("prune", "--models-older-than", "0", "--dry-run")
        #expect(dry == "would prune 1 model file\n", "\(dry)")
        #expect(try files() == 3)
        // A file that is gone before is noted as gone; the releases' own and the newest stay.
        try FileManager.default.removeItem(
            atPath: shop.text("SELECT file AS text FROM nearline.model WHERE as_of = '\(days[2])'"))
        #expect(try shop.succeed("prune", "--models-older-than", "0").contains("1 model file removed"))
        #expect(try shop.texts(there).count == 2 && files() == 2)
        try shop.succeed("rollback")
        try shop.succeed("explain", shop.text("SELECT min(user_id)::text AS text FROM shop.events"))
        // Trained once more it is there again.
        try shop.succeed("train", "--as-of", days[2], "--again")
        #expect(try shop.texts(there).count == 3 && files() == 3)
        // A file that lies elsewhere was given by somebody, and is theirs.
        let own = "\(shop.folder)/own.safetensors"
        try FileManager.default.moveItem(
            atPath: shop.text("SELECT file AS text FROM nearline.model WHERE as_of = '\(days[2])'"), toPath: own)
        try shop.execute("UPDATE nearline.model SET file = '\(own)' WHERE as_of = '\(days[2])'")
        #expect(try !shop.succeed("prune", "--models-older-than", "0").contains("model file"))
        #expect(FileManager.default.fileExists(atPath: own))
        // One that is gone and comes back as a file is known again.
        try shop.execute("UPDATE nearline.model SET file = '/gone', removed_at = now() WHERE as_of = '\(days[2])'")
        try shop.succeed("precompute", "--model", own)
        #expect(try shop.texts(there).count == 3)
        try shop.succeed("explain", shop.text("SELECT min(user_id)::text AS text FROM shop.events"))
        try shop.refuse("prune", "--models-older-than", "soon", code: 65, saying: ["interval"])
    }

    @Test func aTrainingThatFailsKeepsNobodyFromTodaysLists() throws {
        let shop = try Shop.published()
        let night = try start("nightly", of: shop, with: ["NEARLINE_MODELS": "/proc/nowhere"]).wait()
        #expect(night.code != 0 && night.code != 75, "\(night.errors)")
        #expect(try shop.currentRelease() == 2)
        #expect(try models(shop) == 1)
    }

    @Test func nightsThatBeginTogetherDoNotStack() throws {
        let shop = try Shop.published()
        let codes = try (0..<5).map { _ in try start("nightly", of: shop) }.map { try $0.wait().code }
        #expect(codes.contains(0) && codes.allSatisfy { $0 == 0 || $0 == 75 }, "\(codes)")
        #expect(try shop.number("SELECT count(*) FROM nearline.release WHERE logical_date IS NOT NULL") == 1)
        #expect(
            try shop.number("SELECT count(*) FROM nearline.run WHERE command = 'train' AND stage_seconds ? 'training'")
                == models(shop), "who waited for a training did not train once more")
    }

    @Test func theStatusOfCronIsSilentWhereAllIsWell() throws {
        let shop = try Shop.published()
        let late = try start("status", of: shop).wait()
        #expect(late.code == 75 && late.output.contains("release 1"), "\(late.output)")
        let well = try start("status", ["--max-age", "100000d"], of: shop).wait()
        #expect(well.code == 0 && well.output.isEmpty && well.errors.isEmpty, "\(well.output) \(well.errors)")
    }

    @Test func aBackfillOfCronKeepsToARate() throws {
        let shop = try Shop.published()
        let ended = try start("backfill", ["--where", "true"], of: shop, with: ["NEARLINE_BACKFILL_RATE": "100000"])
            .wait()
        #expect(ended.code == 0 && ended.output.contains("made 60 lists"), "\(ended.errors)")
        #expect(
            try start("backfill", ["--where", "true"], of: shop, with: ["NEARLINE_BACKFILL_RATE": "none"]).wait().code
                == 64)
    }

    @Test func everyLineOfTheCrontabCallsAJobAndMailsOnlyTheStatus() throws {
        let lines = try String(contentsOfFile: "\(Self.root)/cron/nearline.crontab", encoding: .utf8)
            .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        for name in ["SHELL", "PATH", "MAILTO", "CRON_TZ", "HOME", "PGHOST", "PGDATABASE"] {
            #expect(lines.contains { $0.hasPrefix("\(name)=") }, "\(name) is not set")
        }
        let jobs = lines.indices.filter { lines[$0].first.map { $0 == "*" || $0.isNumber } ?? false }
        #expect(jobs.count == 5)
        for place in jobs {
            #expect(lines[place - 1].hasPrefix("# "), "no reason for the hour of: \(lines[place])")
            let job = try #require(lines[place].firstMatch(of: #/^(?:[0-9*\/,-]+ +){5}(jobs\/[a-z]+\.sh)( .*)?$/#))
            let isThere = FileManager.default.isExecutableFile(atPath: "\(Self.root)/\(job.1)")
            #expect(isThere, "\(job.1) is not there")
            #expect(job.1 == "jobs/status.sh" || job.2 == " >>.nearline/cron.log 2>&1", "\(lines[place])")
            let unit = "\(Self.root)/cron/systemd/nearline-\(job.1.dropFirst(5).dropLast(3))"
            #expect(try String(contentsOfFile: "\(unit).timer", encoding: .utf8).contains("Persistent=true"))
            #expect(try String(contentsOfFile: "\(unit).service", encoding: .utf8).contains("/\(job.1)"))
        }
    }
}
