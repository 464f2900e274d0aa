import Baselines
import Blending
import Checksum
import Domain
import Foundation
import Histories
import Ledger
import Model
import Postgres
import Safetensors
import Training

/// `nearline train`: events to a model artifact, registered in the database. Never publishes.
package struct TrainModel {
    package var asOf: String
    package var again: Bool
    package var dryRun: Bool
    /// How far behind the as-of instant a model may be that is good enough; nil trains whenever there is something new.
    package var every: Age?
    /// Trains without each user's last event, for comparisons with papers; such a model is for `evaluate` alone, and the
    /// database is told nothing of it.
    package var leavesOneOut = false
    /// Goes on from the last model with a tenth of the users, where there is one that can be gone on from.
    package var isIncremental = false
    /// Trains from scratch all the same where the last such training lies so long before the as-of instant; nil for never.
    package var scratchEvery: Age?

    package init(asOf: String, again: Bool, dryRun: Bool, every: Age? = nil) {
        self.every = every
        self.asOf = asOf
        self.again = again
        self.dryRun = dryRun
    }

    private static let decisive = [
        "width", "heads", "blocks", "experts", "horizons", "epochs", "batch", "negatives", "negative-sampling",
        "learning-rate", "weight-decay", "dropout", "half-life-days", "item-start", "patience", "seed", "tokens",
        "session-items", "lifelong-items", "anchors", "length-alpha", "corpus-tokens", "gap-minutes", "blend-users",
        "similar-items", "preference-terms", "side-information", "scenes", "events", "items",
    ]
    private static let decisiveForIncrements = ["increment-days", "increment-epochs", "increment-learning-rate"]

    package func run(_ context: RunContext) throws -> Answer {
        // Each user's last event has a day of its own, and anchors would be those of the last day of all.
        guard !leavesOneOut || context.settings.int("anchors") == 0 else {
            throw SettingsError.inconsistent("--leave-one-out goes without anchors; set anchors to 0")
        }
        let connection = try context.connectToSchema()
        let source = try context.source(on: connection)
        let asOf = try Instant(asOf, source: source, on: connection)
        if !again, !leavesOneOut, let model = try goodEnough(asOf, source, on: connection) {
            return Answer("nothing to do: model \(model) is younger than \(every?.text ?? "")", ["model": model])
        }
        let base =
            try isIncremental
            ? TrainingBase(before: asOf, source, mostAge: scratchEvery, context, on: connection) : nil
        let settings = context.settings.json(
            TrainModel.decisive + (base == nil ? [] : TrainModel.decisiveForIncrements))
        let print =
            try source.fingerprint(asOf: asOf.text, withExclusions: false, on: connection)
            + (leavesOneOut ? EvaluateLists.leftOut : "") + (base?.fingerprint ?? "")
        let name =
            "m" + asOf.text.prefix(10).replacing("-", with: "") + "-"
            + Checksum.name(settings + asOf.text + print).prefix(10)
        let path = context.settings.text("models") + "/\(name).safetensors"
        let isThere = "nothing to do: model \(name) is trained on these events with these settings"
        if !again, try isTrained(name, on: connection) { return Answer(isThere, ["model": name]) }
        if dryRun {
            let items = try connection.transaction(.readOnlySnapshot, doing: "planning to train") {
                try VocabularyReader(source, asOf: asOf.text).read(on: connection).count
            }
            let how =
                base.map { "going on from \($0.name) with bucket \($0.bucket) and the last \($0.days) days" }
                ?? "\(context.settings.int("epochs")) epochs at most"
            return Answer(
                "would train \(name) on \(source.names.events) up to \(asOf.text): \(items) items, \(how), to \(path)",
                ["model": name, "file": path])
        }
        var text = ""
        try context.booked(on: connection, settings: settings) { ledger, report in
            // Somebody else may have trained it between our look and our booking.
            if !again, try isTrained(name, on: connection) {
                text = isThere
                return
            }
            let (artifact, outcome) = try train(
                name, path, source, asOf, base, settings + print, context, ledger, &report)
            try context.stage("writing the model") { try artifact.file.write(to: path) }
            let row = ModelRow(
                model: name, file: URL(fileURLWithPath: path).path, asOf: asOf.text,
                vocabularyHash: artifact.vocabulary.hash, itemType: source.itemType.rawValue)
            if !leavesOneOut {
                try ModelRegistry(connection).register(row, settings: settings, figures: outcome.figures)
            }
            for file in [checkpoint(path), rehearsal(path)] { try? FileManager.default.removeItem(atPath: file) }
            text = outcome.summary(of: name, artifact, path: path)
        }
        return Answer(text, ["model": name, "file": path])
    }

    private func isTrained(_ name: String, on connection: Connection) throws -> Bool {
        guard let known = try ModelRegistry(connection).named(name) else { return false }
        return FileManager.default.fileExists(atPath: known.file)
    }

    /// The newest model that has seen nothing after the as-of instant, where that is not long before it.
    private func goodEnough(_ asOf: Instant, _ source: EventSource, on connection: Connection) throws -> String? {
        guard let every, let newest = try ModelRegistry(connection).newest(notAfter: asOf.text) else { return nil }
        let seen = try Instant(newest.asOf, source: source, on: connection)
        return Double(asOf.microseconds - seen.microseconds) < every.seconds * 1e6 ? newest.model : nil
    }

    private func train(
        _ name: String, _ path: String, _ source: EventSource, _ asOf: Instant, _ base: TrainingBase?, _ inputs: String,
        _ context: RunContext, _ ledger: RunLedger, _ report: inout RunReport
    ) throws -> (ModelArtifact, TrainingOutcome) {
        var (vocabulary, corpus) = try read(source, asOf, context, ledger, &report)
        let s = context.settings
        var shape = ModelSettings(
            items: vocabulary.count, categories: vocabulary.categories.count, sellers: vocabulary.sellers.count,
            scenes: vocabulary.scenes.count, width: s.int("width"), heads: s.int("heads"), blocks: s.int("blocks"),
            horizons: s.int("horizons"), experts: s.int("experts"), anchors: s.int("anchors"))
        shape.hasSideInformation = s.text("side-information") == "yes"
        shape.readsScenes = s.text("scenes") != "no"
        let decided = inputs + vocabulary.hash
        try makeFolder(of: path)
        let weights: BlendWeights?
        if let base {
            weights = s.int("blend-users") > 0 ? base.weights : nil
        } else {
            weights = try context.stage("rehearsing") {
                try blendWeights(corpus, vocabulary, shape, asOf.seconds, (rehearsal(path), decided), context, &report)
            }
        }
        let anchors =
            shape.anchors == 0
            ? nil
            : try context.stage("finding anchors") {
                let isAsked = base.map { base in
                    corpus.histories.indices.map { corpus.isOf(base.bucket, after: base.begin(asOf.seconds), $0) }
                }
                return try corpus.findAnchors(
                    items: vocabulary.count, asOf: asOf.seconds, isAsked: isAsked, context)
            }
        let (parameters, outcome) = try context.stage("training") {
            guard let base else {
                return try train(corpus, vocabulary, shape, asOf.seconds, (checkpoint(path), decided), context)
            }
            return try train(on: base, corpus, vocabulary, asOf.seconds, (checkpoint(path), decided), context, &report)
        }
        let blend = try weights.map { weights in
            try context.stage("counting what goes together") {
                Blend(
                    tables: ItemTables(
                        SessionLog(corpus, items: vocabulary.count, asOf: asOf.seconds),
                        similarItems: s.int("similar-items"), pool: context.pool), weights: weights)
            }
        }
        report.counts["epochs"] = outcome.epochs
        report.counts["resumed after epoch"] = outcome.resumedAfterEpoch
        var facts = [
            "model": name, "as_of": asOf.text, "source": source.names.events, "settings": inputs,
            "figures": outcome.figures, "item_type": source.itemType.rawValue,
            "users": String(corpus.histories.count), "tokens": String(corpus.tokens),
        ]
        if let base { facts.merge(base.facts) { $1 } }
        if leavesOneOut { facts[EvaluateLists.leftOut] = "each user's last event" }
        return (
            ModelArtifact(
                parameters: parameters, vocabulary: vocabulary, blend: blend?.tensors ?? [:], anchors: anchors,
                facts: facts),
            outcome
        )
    }

    /// - Parameter checkpoint: its file, and all that decides what is trained.
    private func train(
        _ corpus: TrainingCorpus, _ vocabulary: Vocabulary, _ shape: ModelSettings, _ asOf: Int64,
        _ checkpoint: (path: String, inputs: String), _ context: RunContext
    ) throws -> (ModelParameters, TrainingOutcome) {
        let parameters = ModelParameters(shape, seed: UInt64(context.settings.int("seed")))
        return (
            parameters,
            try train(parameters, context.trainingSettings, corpus, vocabulary, asOf, checkpoint, context)
        )
    }

    /// Where nobody of the bucket has done anything in the window, the model stays as it is, but for new items.
    private func train(
        on base: TrainingBase, _ corpus: TrainingCorpus, _ vocabulary: Vocabulary, _ asOf: Int64,
        _ checkpoint: (path: String, inputs: String), _ context: RunContext, _ report: inout RunReport
    ) throws -> (ModelParameters, TrainingOutcome) {
        let parameters = base.artifact.parameters.grown(
            from: base.artifact.vocabulary, to: vocabulary, seed: UInt64(context.settings.int("seed")))
        var settings = context.trainingSettings
        settings.epochs = context.settings.int("increment-epochs")
        settings.learningRate = Float(context.settings.real("increment-learning-rate"))
        settings.patience = 0
        settings.spectralStart = false
        let begin = base.begin(asOf)
        settings.targetsAfter = begin
        let bucket = corpus.bucket(base.bucket, after: begin)
        report.counts["users of the bucket"] = bucket.histories.count
        guard !bucket.histories.isEmpty else { return (parameters, .nothing) }
        return (parameters, try train(parameters, settings, bucket, vocabulary, asOf, checkpoint, context))
    }

    private func train(
        _ parameters: ModelParameters, _ settings: TrainingSettings, _ corpus: TrainingCorpus, _ vocabulary: Vocabulary,
        _ asOf: Int64, _ checkpoint: (path: String, inputs: String), _ context: RunContext
    ) throws -> TrainingOutcome {
        let trainer = try Trainer(
            settings, parameters, corpus: corpus, vocabulary: vocabulary, asOf: asOf, pool: context.pool)
        let outcome = try trainer.run(checkpoint: (checkpoint.path, Checksum.name(checkpoint.inputs))) { now in
            try context.safePoint()
            let done = (now.epoch - 1) * now.users + now.usersDone
            context.progress(
                done, "users", fraction: Double(done) / Double(now.users * now.epochs),
                note: "epoch \(now.epoch) of \(now.epochs), loss \(String(format: "%.3f", now.loss))")
            if let heldOut = now.heldOutNDCG {
                context.log.info(
                    "epoch \(now.epoch)",
                    metadata: [
                        "loss": "\(String(format: "%.4f", now.loss))",
                        "held_out_ndcg_at_100": "\(String(format: "%.4f", heldOut))",
                    ])
            }
        }
        return outcome
    }

    /// nil where lists are to be the model's alone, or too few users have come back to learn from.
    private func blendWeights(
        _ corpus: TrainingCorpus, _ vocabulary: Vocabulary, _ shape: ModelSettings, _ asOf: Int64,
        _ checkpoint: (path: String, inputs: String), _ context: RunContext, _ report: inout RunReport
    ) throws -> BlendWeights? {
        let users = context.settings.int("blend-users")
        guard users > 0, !leavesOneOut else { return nil }
        if var rehearsal = Rehearsal(corpus, vocabulary, asOf: asOf, mostUsers: users),
            let weights = try self.weights(from: &rehearsal, vocabulary, shape, checkpoint, context, &report)
        {
            return weights
        }
        context.log.warning("too few users have come back to learn from how to merge lists: they will be the model's")
        return nil
    }

    /// nil where the users' lists left too few to learn from.
    private func weights(
        from rehearsal: inout Rehearsal, _ vocabulary: Vocabulary, _ shape: ModelSettings,
        _ checkpoint: (path: String, inputs: String), _ context: RunContext, _ report: inout RunReport
    ) throws -> BlendWeights? {
        let anchors = try rehearsal.findAnchors(context)
        let (parameters, _) = try train(rehearsal.before, vocabulary, shape, rehearsal.instant, checkpoint, context)
        let fit = try rehearsal.fit(
            parameters, anchors: anchors, similarItems: context.settings.int("similar-items"), context)
        report.counts["users that merging was learned from"] = fit.users
        report.counts["days rehearsed"] = rehearsal.days
        return try fit.weights(pool: context.pool) { done, all in
            try context.safePoint()
            context.progress(done, "steps", total: all)
        }
    }

    /// One snapshot for the vocabulary and the histories, so that neither knows what the other does not.
    private func read(
        _ source: EventSource, _ asOf: Instant, _ context: RunContext, _ ledger: RunLedger, _ report: inout RunReport
    ) throws -> (Vocabulary, TrainingCorpus) {
        let reader = try context.connect("reader")
        var corpus = TrainingCorpus(tokenBudget: context.settings.int("corpus-tokens"))
        let (vocabulary, histories) = try reader.transaction(.readOnlySnapshot, doing: "reading the events") {
            let vocabulary = try context.stage("counting items") {
                try VocabularyReader(source, asOf: asOf.text).read(on: reader)
            }
            var histories = HistoryReader(
                source, vocabulary: vocabulary, settings: context.historySettings, asOf: asOf.text, now: context.now,
                leavesLastOut: leavesOneOut)
            try context.stage("reading histories") {
                try histories.read(on: reader) { user, history in
                    corpus.add(history, hash: user.stableHash)
                    if corpus.usersSeen % 256 == 0 {
                        try context.safePoint()
                        context.progress(corpus.usersSeen, "users")
                    }
                }
            }
            return (vocabulary, histories)
        }
        report.counts.merge([
            "events": histories.events, "users": corpus.usersSeen, "users trained on": corpus.histories.count,
            "tokens": corpus.tokens, "items": vocabulary.count,
        ]) { $1 }
        try context.account(histories.refused, of: source, ledger, &report)
        return (vocabulary, corpus)
    }

    private func checkpoint(_ path: String) -> String {
        path.replacing(".safetensors", with: ".checkpoint.safetensors")
    }

    private func rehearsal(_ path: String) -> String {
        path.replacing(".safetensors", with: ".rehearsal.checkpoint.safetensors")
    }

    private func makeFolder(of path: String) throws {
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        } catch {
            throw SafetensorsError.unwritable(path: folder, reason: error.localizedDescription)
        }
    }
}
