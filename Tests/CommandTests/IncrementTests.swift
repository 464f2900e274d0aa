import Foundation
import Model
import Testing

/// `nearline train --incremental`.
@Suite struct IncrementTests {
    private static let eve = "2025-12-30T00:00:00Z"
    private static let later = "2025-12-31T00:00:00Z"
    /// Nobody of a small shop is left out by a bucket that happens to be empty.
    private static let wide = ["NEARLINE_INCREMENT_DAYS": "40"]

    private func artifact(_ shop: Shop, _ asOf: String) throws -> ModelArtifact {
        try ModelArtifact(
            path: shop.text(
                "SELECT file AS text FROM nearline.model WHERE as_of = '\(asOf)' ORDER BY created_at DESC LIMIT 1"))
    }

    @Test func goesOnFromTheLastModelBucketByBucketAndSaysSo() throws {
        let shop = try Shop.imported()
        try shop.succeed("train", "--as-of", Self.eve)
        let base = try artifact(shop, Self.eve)
        #expect(base.facts["base"] == nil)
        var before = base
        for (number, asOf) in [Self.later, Shop.asOf].enumerated() {
            let dry = try shop.succeed("train", "--incremental", "--as-of", asOf, "--dry-run", with: Self.wide)
            #expect(dry.contains("going on from \(before.facts["model"]!) with bucket \(number)"), "\(dry)")
            try shop.succeed("train", "--incremental", "--as-of", asOf, with: Self.wide)
            let made = try artifact(shop, asOf)
            #expect(made.facts["base"] == before.facts["model"])
            #expect(made.facts["bucket"] == "\(number) of 10" && made.facts["window_days"] == "40")
            #expect(made.facts["increments"] == "\(number + 1)" && made.facts["scratch_as_of"] == base.facts["as_of"])
            // A little further and no more: the same network, moved.
            let (was, now) = (before.parameters.dense.values, made.parameters.dense.values)
            #expect(!was.elementsEqual(now))
            let furthest = zip(was, now).map { abs($0 - $1) }.max() ?? 0
            #expect(furthest > 0 && furthest < 0.05, "\(furthest)")
            // What was learned of merging is taken over, what goes together is counted anew.
            let weights = try #require(base.blend["weights"])
            #expect(made.blend["weights"]?.bytes == weights.bytes)
            let tables = made.blend.filter { $0.key != "weights" }
            #expect(!tables.isEmpty && tables.contains { base.blend[$0.key]?.bytes != $0.value.bytes })
            before = made
        }
        let again = try shop.succeed("train", "--incremental", "--as-of", Shop.asOf, with: Self.wide)
        #expect(again.hasPrefix("nothing to do"), "\(again)")
        try shop.succeed("precompute", "--as-of", Shop.asOf)
        #expect(try shop.currentRelease() == 1)
    }

    @Test func newItemsAndCategoriesJoinTheModel() throws {
        let shop = try Shop.imported()
        try shop.succeed("train", "--as-of", Self.eve)
        try shop.execute(
            """
            INSERT INTO shop.items (item_id, category) VALUES (9001, 'novelties');
            INSERT INTO shop.events (user_id, item_id, occurred_at, action)
            SELECT DISTINCT user_id, 9001, timestamptz '\(Self.eve)' + interval '1 hour', 'purchase' FROM shop.events
            """)
        try shop.succeed("train", "--incremental", "--as-of", Self.later, with: Self.wide)
        let (base, made) = (try artifact(shop, Self.eve), try artifact(shop, Self.later))
        #expect(base.vocabulary.row(of: .integer(9001)) == nil && !base.vocabulary.categories.contains("novelties"))
        let row = try #require(made.vocabulary.row(of: .integer(9001)))
        #expect(made.vocabulary.categories[Int(made.vocabulary.category[Int(row)])] == "novelties")
        #expect(made.vocabulary.count >= base.vocabulary.count + 1)
        try shop.succeed("precompute", "--as-of", Self.later)
        let user = try shop.text("SELECT min(user_id)::text AS text FROM nearline.candidate")
        let why = try shop.succeed("explain", user, "9001")
        #expect(why.contains("repeat"), "\(why)")
    }

    @Test func theSameIncrementWritesTheSameBytesAtAnyThreadCountAndAfterKills() throws {
        let shop = try Shop.imported()
        try shop.succeed("train", "--as-of", Self.eve)
        let increment = ["train", "--incremental", "--as-of", Self.later, "--again"]
        let settings = Self.wide.merging(["NEARLINE_INCREMENT_EPOCHS": "400"]) { $1 }
        func models(_ folder: String) -> [String: String] {
            settings.merging(["NEARLINE_MODELS": "\(shop.folder)/\(folder)"]) { $1 }
        }
        for threads in ["1", "2"] {
            let ended = try shop.commands.run(increment + ["--threads", threads], with: models(threads))
            try #require(ended.code == 0, "\(ended.errors)")
        }
        let whole = try shop.bytes(of: shop.modelFile(in: "1"))
        #expect(try shop.bytes(of: shop.modelFile(in: "2")) == whole)

        let running = try shop.commands.start(increment, with: models("killed"))
        try waitUntil("an epoch") {
            try !running.isRunning || shop.files(in: "killed").contains { $0.hasSuffix(".checkpoint.safetensors") }
        }
        running.send(SIGKILL)
        try #require(try running.wait().code == 137, "it ended before it was killed: give it more epochs")
        try shop.awaitEndOfSessions()
        let last = try shop.commands.run(increment, with: models("killed"))
        #expect(last.code == 0 && last.output.contains("went on after epoch "), "\(last.errors)\(last.output)")
        #expect(try shop.bytes(of: shop.modelFile(in: "killed")) == whole)
    }

    @Test func beginsFromScratchWhereItCannotGoOnAndSaysWhy() throws {
        let shop = try Shop.imported()
        func trained(_ why: String, _ asOf: String, _ options: String..., with settings: [String: String] = [:]) throws
        {
            let ended = try shop.commands.run(["train", "--incremental", "--as-of", asOf] + options, with: settings)
            #expect(ended.code == 0 && ended.errors.contains("training from scratch: "), "\(ended.errors)")
            #expect(ended.errors.contains(why), "\(ended.errors)")
            #expect(try artifact(shop, asOf).facts["base"] == nil)
        }
        try trained("there is no model of an earlier instant", Self.eve)
        try trained("the last such model is 1d old or older", Self.later, "--from-scratch-every", "1d")
        try shop.execute("DELETE FROM nearline.model WHERE as_of = '\(Self.later)'")
        try trained("has width 16, and 8 is asked for", Self.later, with: ["NEARLINE_WIDTH": "8"])
        try FileManager.default.removeItem(
            atPath: shop.text("SELECT file AS text FROM nearline.model WHERE as_of = '\(Self.later)'"))
        try trained("safetensors", Shop.asOf)
    }

    @Test func aModelOfExpertsIsTrainedServedAndGoneOnFrom() throws {
        let shop = try Shop.imported()
        let experts = Self.wide.merging(["NEARLINE_EXPERTS": "3"]) { $1 }
        for threads in ["1", "2"] {
            let models = experts.merging(["NEARLINE_MODELS": "\(shop.folder)/\(threads)"]) { $1 }
            let ended = try shop.commands.run(
                ["train", "--as-of", Self.eve, "--again", "--threads", threads], with: models)
            try #require(ended.code == 0, "\(ended.errors)")
        }
        #expect(try shop.bytes(of: shop.modelFile(in: "1")) == shop.bytes(of: shop.modelFile(in: "2")))
        let base = try artifact(shop, Self.eve)
        #expect(base.parameters.settings.experts == 3)
        try shop.succeed("train", "--incremental", "--as-of", Self.later, with: experts)
        #expect(try artifact(shop, Self.later).facts["base"] == base.facts["model"])
        #expect(try artifact(shop, Self.later).parameters.settings.experts == 3)
        #expect(try shop.succeed("precompute", "--as-of", Self.later).contains("release 1"))
        let ended = try shop.commands.run(["train", "--incremental", "--as-of", Shop.asOf], with: Self.wide)
        #expect(ended.code == 0 && ended.errors.contains("has experts 3, and 0 is asked for"), "\(ended.errors)")
    }

    @Test func aModelThatReadsAnchorsIsTrainedServedAndGoneOnFrom() throws {
        let shop = try Shop.imported()
        let anchors = Self.wide.merging(["NEARLINE_ANCHORS": "5", "NEARLINE_PREFERENCE_TERMS": "yes"]) { $1 }
        for threads in ["1", "2"] {
            let models = anchors.merging(["NEARLINE_MODELS": "\(shop.folder)/\(threads)"]) { $1 }
            let ended = try shop.commands.run(
                ["train", "--as-of", Self.eve, "--again", "--threads", threads], with: models)
            try #require(ended.code == 0, "\(ended.errors)")
        }
        #expect(try shop.bytes(of: shop.modelFile(in: "1")) == shop.bytes(of: shop.modelFile(in: "2")))
        let base = try artifact(shop, Self.eve)
        #expect(base.parameters.settings.anchors == 5 && base.anchors != nil)
        try shop.succeed("train", "--incremental", "--as-of", Self.later, with: anchors)
        let next = try artifact(shop, Self.later)
        #expect(next.facts["base"] == base.facts["model"] && next.parameters.settings.anchors == 5)
        #expect(next.anchors!.tensors["items"] != base.anchors!.tensors["items"], "counted anew")
        let refused = try shop.commands.run(["train", "--leave-one-out", "--as-of", Self.eve], with: anchors)
        #expect(refused.code == 78 && refused.errors.contains("goes without anchors"), "\(refused.errors)")
        #expect(try shop.succeed("precompute", "--as-of", Self.later).contains("release 1"))
        // What a list is explained by is what it was made by.
        let user = try shop.text("SELECT min(user_id)::text AS text FROM shop.events")
        let explained = try shop.succeed("explain", user)
        #expect(!explained.contains("would differ"), "\(explained)")
        #expect(explained.contains("popular transitions that it reads beside them"), "\(explained)")
        let ended = try shop.commands.run(["train", "--incremental", "--as-of", Shop.asOf], with: Self.wide)
        #expect(ended.code == 0 && ended.errors.contains("has anchors 5, and 0 is asked for"), "\(ended.errors)")
    }

    @Test func aModelWithoutScenesAndSidesIsTrainedServedAndNotMistakenForOneWith() throws {
        let shop = try Shop.imported()
        let plain = Self.wide.merging([
            "NEARLINE_SCENES": "no", "NEARLINE_SIDE_INFORMATION": "no",
        ]) { $1 }
        let ended = try shop.commands.run(["train", "--as-of", Self.eve], with: plain)
        try #require(ended.code == 0, "\(ended.errors)")
        let settings = try artifact(shop, Self.eve).parameters.settings
        #expect(!settings.readsScenes && !settings.hasSideInformation)
        #expect(try shop.succeed("precompute", "--as-of", Self.eve).contains("release 1"))
        for (setting, asked) in [
            ("side-information", ["NEARLINE_SIDE_INFORMATION": "yes"]), ("scenes", ["NEARLINE_SCENES": "told"]),
        ] {
            let other = plain.merging(asked) { $1 }
            let next = try shop.commands.run(
                ["train", "--incremental", "--as-of", Self.later, "--dry-run"], with: other)
            #expect(next.code == 0 && next.errors.contains("was trained without \(setting)"), "\(next.errors)")
        }
        let next = try shop.succeed("train", "--incremental", "--as-of", Self.later, "--dry-run", with: plain)
        #expect(next.contains("going on from"), "\(next)")
        let told = Self.wide.merging(["NEARLINE_SCENES": "told"]) { $1 }
        try shop.succeed("train", "--as-of", Self.eve, "--again", with: told)
        let without = try shop.commands.run(
            ["train", "--incremental", "--as-of", Self.later, "--dry-run"], with: Self.wide)
        #expect(without.code == 0 && without.errors.contains("was trained with scenes"), "\(without.errors)")
    }

    @Test func optionsThatDoNotGoTogetherAreRefused() throws {
        let shop = try Shop.published()
        try shop.refuse(
            "train", "--from-scratch-every", "7d", code: 64, saying: ["--from-scratch-every goes with --incremental"])
        try shop.refuse(
            "train", "--incremental", "--leave-one-out", code: 64, saying: ["leave out --incremental"])
        try shop.refuse(
            "train", "--incremental", "--from-scratch-every", "week", code: 64, saying: ["got 'week'"])
    }
}
