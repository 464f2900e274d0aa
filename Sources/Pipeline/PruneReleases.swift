import Foundation
import Ledger
import Postgres
import ResultTables

/// `nearline prune`: removes releases that nobody needs, and what killed runs left, tables and snapshot files alike.
package struct PruneReleases {
    package var keep: Int
    package var minAge: String
    package var dryRun: Bool

    /// Also files of models as old as this, an interval as PostgreSQL reads it, that nobody needs; nil for none.
    package var modelsOlderThan: String?

    /// Also releases of past days, built or half built, which otherwise all stay.
    package var history: Bool

    package init(keep: Int, minAge: String, history: Bool = false, modelsOlderThan: String? = nil, dryRun: Bool) {
        self.history = history
        self.modelsOlderThan = modelsOlderThan
        self.keep = keep
        self.minAge = minAge
        self.dryRun = dryRun
    }

    private struct Facts: Encodable {
        var pruned: [Int]
        var unfinished: [Int] = []
        var tables: [String] = []
        var waiting: [String] = []
        var refused: [String] = []
        var files: [String] = []
        var models: [String] = []
        var bytes: Int
    }

    private static let whyUnfinished = "its run ended before it was whole"
    /// How long older transactions are waited for, for each table; what they hold is left to the next prune.
    private static let waitMilliseconds = 2000

    package func run(_ context: RunContext) throws -> Answer {
        let connection = try context.connectToSchema(isReadOnly: dryRun)
        let catalogue = ReleaseCatalogue(connection), pruner = ReleasePruner(connection)
        if dryRun {
            let doomed = try pruner.doomed(keep: keep, minAge: minAge, history: history)
            let bytes = try doomed.reduce(0) { try $0 + catalogue.bytes(of: $1) }
            // As it is now: models of the releases that would go are not among them yet.
            let models =
                try modelsOlderThan.map { try unneeded(olderThan: $0, context, on: connection).map(\.model) } ?? []
            let parts = [
                doomed.isEmpty ? nil : "\(numbers(doomed)), \(sizeText(bytes))",
                models.isEmpty ? nil : modelFiles(models.count),
            ].compactMap(\.self)
            return Answer(
                parts.isEmpty ? "nothing to prune" : "would prune " + parts.joined(separator: ", and "),
                Facts(pruned: doomed, models: models, bytes: bytes))
        }
        // Before anything goes: an age that is none ends this here.
        if let modelsOlderThan { _ = try unneeded(olderThan: modelsOlderThan, context, on: connection) }
        var facts = Facts(pruned: [], bytes: 0)
        try context.booked(on: connection, settings: "{}") { ledger, report in
            facts.bytes = try pruner.doomed(keep: keep, minAge: minAge, history: history).reduce(0) {
                try $0 + catalogue.bytes(of: $1)
            }
            facts.pruned = try pruner.mark(
                keep: keep, minAge: minAge, history: history,
                reason: "nearline prune --keep \(keep) --min-age \(minAge)\(history ? " --history" : "")")
            // In this order: the tables of a build at work look like those of one that was killed.
            let unfinished = try pruner.unfinished()
            if try !RunLedger.isRunning("precompute", on: connection) {
                facts.unfinished = try pruner.discardUnfinished(unfinished, reason: Self.whyUnfinished)
            }
            // A backfill goes on with what it has left, a day or a week later.
            let past = history ? try pruner.unfinished(history: true) : []
            if try !RunLedger.isRunning("backfill", on: connection) {
                facts.unfinished += try pruner.discardUnfinished(past, reason: Self.whyUnfinished)
            }
            try context.stage("dropping tables") {
                let swept = try pruner.sweep(waitMilliseconds: Self.waitMilliseconds)
                (facts.tables, facts.waiting, facts.refused) = (swept.dropped, swept.waiting, swept.refused)
            }
            facts.files = try context.snapshots?.sweep(keeping: catalogue.all(pruned: false)) ?? []
            if let modelsOlderThan {
                facts.models = try removeModels(olderThan: modelsOlderThan, context, on: connection)
            }
            report.counts = [
                "releases pruned": facts.pruned.count, "unfinished releases dropped": facts.unfinished.count,
                "tables dropped": facts.tables.count, "tables waiting": facts.waiting.count,
                "files removed": facts.files.count, "models removed": facts.models.count,
            ]
        }
        if !facts.waiting.isEmpty {
            context.log.warning(
                "older transactions may still read some tables; the next prune takes them",
                metadata: ["tables": "\(facts.waiting.joined(separator: " "))"])
        }
        if !facts.refused.isEmpty {
            context.log.warning(
                "something depends on tables of pruned releases, a view perhaps: drop it, then prune again",
                metadata: ["tables": "\(facts.refused.joined(separator: " "))"])
        }
        return Answer(text(facts), facts)
    }

    /// Those with a file in the configured folder, which training writes; one that was given as a file is somebody's own.
    private func unneeded(
        olderThan age: String, _ context: RunContext, on connection: Connection
    ) throws -> [ModelRow] {
        let folder = Self.folder(context.settings.text("models"))
        return try ModelRegistry(connection).unneeded(olderThan: age).filter {
            Self.folder(URL(fileURLWithPath: $0.file).deletingLastPathComponent().path) == folder
                && FileManager.default.fileExists(atPath: folder)
        }
    }

    /// First the file, then the note of it: killed in between, the next call finds no file and notes it.
    private func removeModels(
        olderThan age: String, _ context: RunContext, on connection: Connection
    ) throws -> [String] {
        // They may be about to read one: days of a backfill have no release before they begin.
        for command in ["precompute", "backfill"] where try RunLedger.isRunning(command, on: connection) {
            context.log.info("models stay while a \(command) is running")
            return []
        }
        let registry = ModelRegistry(connection)
        return try unneeded(olderThan: age, context, on: connection).compactMap { row in
            do {
                try FileManager.default.removeItem(atPath: row.file)
            } catch CocoaError.fileNoSuchFile {
                // By a call that was killed before it could note it.
            } catch {
                context.log.warning(
                    "a model file cannot be removed; the next prune tries again",
                    metadata: ["file": "\(row.file)", "reason": "\(error.localizedDescription)"])
                return nil
            }
            try registry.markRemoved(row.model)
            return row.model
        }
    }

    private static func folder(_ path: String) -> String {
        URL(fileURLWithPath: path).resolvingSymlinksInPath().standardizedFileURL.path
    }

    private func text(_ facts: Facts) -> String {
        let isIdle =
            facts.pruned.isEmpty && facts.tables.isEmpty && facts.files.isEmpty && facts.unfinished.isEmpty
            && facts.models.isEmpty
        guard !isIdle else {
            return facts.waiting.isEmpty
                ? "nothing to prune" : "\(facts.waiting.count) tables wait for older transactions; prune again later"
        }
        var parts = ["pruned \(facts.pruned.isEmpty ? "no release" : numbers(facts.pruned)), \(sizeText(facts.bytes))"]
        parts.append("\(facts.tables.count) tables and \(facts.files.count) files removed")
        if !facts.unfinished.isEmpty { parts.append("unfinished \(numbers(facts.unfinished)) dropped") }
        if !facts.models.isEmpty { parts.append("\(modelFiles(facts.models.count)) removed") }
        if !facts.refused.isEmpty { parts.append("\(facts.refused.count) tables are needed by something else") }
        if !facts.waiting.isEmpty { parts.append("\(facts.waiting.count) tables wait for older transactions") }
        return parts.joined(separator: "; ")
    }

    private func modelFiles(_ count: Int) -> String { "\(count) model file\(count == 1 ? "" : "s")" }

    private func numbers(_ releases: [Int]) -> String {
        "release\(releases.count == 1 ? "" : "s") " + releases.map(String.init).joined(separator: ", ")
    }
}
