import Domain
import Evaluation
import Foundation
import Histories
import Model
import Postgres

/// `nearline evaluate`: lists as of an instant against the first session that each user began after it.
package struct EvaluateLists {
    /// For which instant lists are computed: the as-of instant, as a nightly job must, or that of the session itself.
    package enum ServeAt: String, CaseIterable, Sendable {
        case asOf = "as-of"
        case nextSession = "next-session"
    }

    package var asOf: String
    package var serveAt: ServeAt
    package var modelFile: String?
    package var export: String?

    package init(asOf: String, serveAt: ServeAt, modelFile: String?, export: String?) {
        self.asOf = asOf
        self.serveAt = serveAt
        self.modelFile = modelFile
        self.export = export
    }

    package func run(_ context: RunContext) throws -> Answer {
        let connection = try context.connectToSchema()
        let source = try context.source(on: connection)
        let asOf = try Instant(asOf, source: source, on: connection)
        let (name, artifact) = try context.model(file: modelFile, asOf: asOf, on: connection)
        if let seen = artifact.facts["as_of"],
            try Instant(seen, source: source, on: connection).microseconds > asOf.microseconds
        {
            throw JobError.modelIsYounger(model: name, trainedTo: seen, asOf: asOf.text)
        }
        let maker = try CandidateMaker(
            artifact, excluded: [], kept: context.settings.int("candidates"), pool: context.pool)
        var metrics = RankingMetrics()
        var rows: [String] = []
        try context.stage("evaluating") {
            var waiting: [(ExternalID, TokenHistory, NextSession)] = []
            func score() throws {
                let histories = waiting.map(\.1)
                let requests = waiting.map { _, history, next in
                    serveAt == .asOf
                        ? CandidateMaker.request(at: asOf.seconds, after: history)
                        : PackedBatch.Request(time: next.startsAt, scene: next.scene)
                }
                let lists = try maker.lists(histories, requests: requests, excluded: waiting.map { _ in [] })
                for ((user, _, next), list) in zip(waiting, lists) {
                    metrics.add(list: list.map { Int32($0.row) }, truth: next.items)
                    guard export != nil else { continue }
                    for (rank, candidate) in list.enumerated() {
                        rows.append("\(csv(user)),\(rank),\(csv(artifact.vocabulary.items[Int(candidate.row)]))")
                    }
                }
                waiting = []
            }
            var reader = HeldOutReader(
                source, vocabulary: artifact.vocabulary, settings: context.historySettings, cut: asOf.microseconds,
                now: context.now)
            try connection.transaction(.readOnlySnapshot, doing: "reading the events") {
                try reader.read(on: connection) { user, history, next in
                    waiting.append((user, history, next))
                    if waiting.count >= 512 { try score() }
                }
                try score()
            }
        }
        if let export { try write(rows, to: export) }
        return answer(name, asOf, metrics)
    }

    private func answer(_ model: String, _ asOf: Instant, _ metrics: RankingMetrics) -> Answer {
        let figures = metrics.means.map { [$0.name, String(format: "%.4f", $0.value)] }
        var facts = Dictionary(uniqueKeysWithValues: metrics.means.map { ($0.name, $0.value) })
        facts["users"] = Double(metrics.users)
        return Answer(
            "model \(model), first session after \(asOf.text), \(metrics.users) users, served at \(serveAt.rawValue)\n"
                + table(["figure", "mean"], figures), facts)
    }

    private func write(_ rows: [String], to path: String) throws {
        let text = (["user_id,rank,item_id"] + rows).joined(separator: "\n") + "\n"
        do {
            try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
        } catch {
            throw JobError.unwritable(path: path, reason: error.localizedDescription)
        }
    }

    private func csv(_ id: ExternalID) -> String {
        let text = id.description
        return text.contains { ",\"\n\r".contains($0) } ? "\"" + text.replacing("\"", with: "\"\"") + "\"" : text
    }
}
