import Checksum
import Domain
import Foundation
import Histories
import Model
import Postgres
import ResultTables
import Transitions

/// What a release is to be made from.
struct ReleaseWish {
    let asOf: Instant
    let serveAt: Instant
    let artifact: ModelArtifact
    let fingerprint: String
    let settings: String
    let facts: ReleaseFacts

    static let decisive =
        ["candidates", "gap-minutes", "tokens", "session-items", "lifelong-items", "shard-users"] + ListRules.settings
        + TransitionMaker.decisive

    /// - Parameters:
    ///   - asked: the as-of instant in the words of who asked, such as "now".
    ///   - isHistory: of a past day, to be looked into.
    init(
        asOf: Instant, serveAt: Instant, _ model: (name: String, artifact: ModelArtifact), asked: String,
        date: LogicalDate?, isHistory: Bool = false, _ context: RunContext, _ source: EventSource,
        on connection: Connection
    ) throws {
        artifact = model.artifact
        guard artifact.vocabulary.itemType == source.itemType else {
            throw SourceError.itemTypeChanged(
                relation: source.names.events, found: source.itemType.rawValue,
                model: artifact.vocabulary.itemType.rawValue)
        }
        (self.asOf, self.serveAt) = (asOf, serveAt)
        fingerprint = try source.fingerprint(asOf: asOf.text, withExclusions: true, on: connection)
        settings = context.settings.json(Self.decisive)
        facts = ReleaseFacts(
            model: model.name, asOf: asOf.text, serveAt: serveAt.text,
            settingsHash: Checksum.name(
                [settings, model.name, asOf.text, serveAt.text, fingerprint].joined(separator: "|")),
            candidatesPerUser: context.settings.int("candidates"),
            madeFrom: try Self.madeFrom([
                "model": model.name, "as-of": asOf.text, "serve-at": serveAt.text, "settings": Checksum.name(settings),
                "events": fingerprint, "vocabulary": artifact.vocabulary.hash, "asked-as-of": asked,
                ResumeDecision.program: Product.version,
            ]), date: date, isHistory: isHistory)
    }

    private static func madeFrom(_ parts: [String: String]) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(parts), as: UTF8.self)
    }
}
