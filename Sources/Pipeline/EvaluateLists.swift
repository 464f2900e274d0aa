import Domain
import Evaluation
import Foundation
import Histories
import Model
import Postgres

/// `nearline evaluate`: lists against what each user did next, those of the model and of every simple method alike.
package struct EvaluateLists {
    /// For which instant lists are computed: the as-of instant, as a nightly job must, or that of the session itself.
    package enum ServeAt: String, CaseIterable, Sendable {
        case asOf = "as-of"
        case nextSession = "next-session"
    }

    /// Which items of a session are to be foreseen; a user whose next session has none is not judged.
    package enum Truth: String, CaseIterable, Sendable {
        case engaged
        /// Put in a cart, or bought.
        case cart
        case purchase

        /// The weakest action that makes an item one of them.
        var weakest: Action {
            switch self {
            case .engaged: .click
            case .cart: .cart
            case .purchase: .purchase
            }
        }
    }

    package var asOf: String
    /// Every user's last event is the truth, instead of the first session after the as-of instant.
    package var leavesOneOut = false
    package var truth = Truth.engaged
    package var serveAt = ServeAt.asOf
    package var modelFile: String?
    /// Only the simple methods, where there is no model yet.
    package var withoutModel = false
    package var cutoffs = RankingMetrics.usualCutoffs
    /// Of more users a sample is judged.
    package var mostUsers = 10_000
    package var resamples = 1000
    package var easeItems = 15_000
    package var export: String?
    /// Whose lists are written; nil for the first method of the table.
    package var exported: String?

    package init(asOf: String) { self.asOf = asOf }

    package func run(_ context: RunContext) throws -> Answer {
        let connection = try context.connectToSchema()
        let source = try context.source(on: connection)
        let asOf = try Instant(asOf, source: source, on: connection)
        let model = try withoutModel ? nil : model(asOf, source, context, on: connection)
        let split = leavesOneOut ? HeldOutSplit.lastEvent(upTo: asOf.text) : .after(asOf.microseconds)
        let kept = max(context.settings.int("candidates"), cutoffs.max() ?? 0)
        var listed: [ListedMethod] = []
        // One snapshot, so that no method knows what another does not.
        let set = try connection.transaction(.readOnlySnapshot, doing: "reading the events") {
            let set = try EvaluationSet(
                source, upTo: asOf, split: split, weakest: truth.weakest, mostUsers: mostUsers, on: connection, context)
            guard let model else { return set }
            for merges in model.artifact.blend.isEmpty ? [false] : [true, false] {
                let lists = ModelLists(
                    artifact: model.artifact, set: set, split: split, kept: kept,
                    serveAt: serveAt == .asOf && !leavesOneOut ? asOf.seconds : nil, merges: merges)
                listed.append(
                    try context.stage(merges ? "merged lists" : "lists by the model") {
                        try lists.lists(source, on: connection, context)
                    })
            }
            return set
        }
        let ours = listed.count
        let simple = SimpleMethods(set: set, kept: kept, easeItems: easeItems, hasInstant: !leavesOneOut)
        listed += try simple.lists(context)
        if let export { try write(try chosen(listed), set, to: export) }
        let comparison = try context.stage("comparing") {
            Comparison(
                listed, targets: set.targets, cutoffs: cutoffs, resamples: resamples,
                seed: UInt64(context.settings.int("seed")), pool: context.pool)
        }
        let report = EvaluationReport(
            comparison: comparison, set: set, model: model?.name, ours: ours, asOf: asOf.text,
            leavesOneOut: leavesOneOut, truth: truth,
            serveAt: leavesOneOut ? .nextSession : serveAt, easeItems: easeItems)
        return Answer(report.text, report.facts)
    }

    /// The model, which must not have seen what is to be foreseen.
    private func model(
        _ asOf: Instant, _ source: EventSource, _ context: RunContext, on connection: Connection
    ) throws -> (name: String, artifact: ModelArtifact) {
        let (name, artifact) = try context.model(file: modelFile, asOf: asOf, on: connection)
        if leavesOneOut {
            guard artifact.facts[Self.leftOut] != nil else { throw JobError.modelKnowsTargets(model: name) }
        } else if let seen = artifact.facts["as_of"],
            try Instant(seen, source: source, on: connection).microseconds > asOf.microseconds
        {
            throw JobError.modelIsYounger(model: name, trainedTo: seen, asOf: asOf.text)
        }
        return (name, artifact)
    }

    /// The fact of an artifact that was trained without each user's last event.
    static let leftOut = "left_out"

    private func chosen(_ listed: [ListedMethod]) throws -> ListedMethod {
        guard let exported else { return listed[0] }
        guard let method = listed.first(where: { $0.name == exported }) else {
            throw JobError.unknownMethod(exported, known: listed.map(\.name))
        }
        return method
    }

    private func write(_ method: ListedMethod, _ set: EvaluationSet, to path: String) throws {
        var rows = ["user_id,rank,item_id"]
        for (judged, list) in zip(set.judged, method.lists) {
            for (rank, row) in list.enumerated() where Int(row) < set.vocabulary.count {
                rows.append("\(csv(judged.user)),\(rank),\(csv(set.vocabulary.items[Int(row)]))")
            }
        }
        do {
            let text = rows.joined(separator: "\n") + "\n"
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
