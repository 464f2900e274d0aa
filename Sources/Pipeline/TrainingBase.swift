import Blending
import Domain
import Foundation
import Histories
import Ledger
import Model
import Postgres
import Safetensors
import Training

/// The model that an incremental training goes on from, and what part of the events it goes on with.
///
/// TBGRecall's partial incremental training (arXiv:2508.11977): users are hashed into ten buckets, and every night the last
/// model is trained a little further on one bucket's most recent days.
struct TrainingBase {
    let name: String
    let artifact: ModelArtifact
    /// Increments between the last training from scratch and the one to come, which is the first where this is 1.
    let number: Int
    let days: Int
    /// Learned anew in a training from scratch only: they change slowly, and take a training of their own.
    let weights: BlendWeights?

    /// The users whose turn it is.
    var bucket: Int { (number - 1) % TrainingCorpus.buckets }

    /// Epoch seconds after which sessions are targets.
    func begin(_ asOf: Int64) -> Int64 { asOf - Int64(days) * 86_400 }

    /// Names the increment: another base, bucket or window makes another model.
    var fingerprint: String { "\(name) \(number) \(days)" }

    /// nil where there is nothing to go on from, and the training has to begin from scratch: the log says why.
    ///
    /// - Parameter mostAge: how long before the as-of instant the last training from scratch may lie; nil for any time.
    init?(
        before asOf: Instant, _ source: EventSource, mostAge: Age?, _ context: RunContext, on connection: Connection
    ) throws {
        func fromScratch(_ why: String) { context.log.info("training from scratch: \(why)") }
        guard let row = try ModelRegistry(connection).newest(before: asOf.text) else {
            fromScratch("there is no model of an earlier instant")
            return nil
        }
        do {
            artifact = try ModelArtifact(path: row.file)
            weights = try Blend(artifact.blend, items: artifact.vocabulary.count, path: row.file)?.weights
        } catch let error as SafetensorsError {
            fromScratch("\(error)")
            return nil
        }
        name = row.model
        number = (artifact.facts[Self.incrementsFact].flatMap { Int($0) } ?? 0) + 1
        days = context.settings.int("increment-days")
        if let mostAge {
            let began = try Instant(artifact.facts[Self.scratchFact] ?? row.asOf, source: source, on: connection)
            guard Double(asOf.microseconds - began.microseconds) < mostAge.seconds * 1e6 else {
                fromScratch("the last such model is \(mostAge.text) old or older")
                return nil
            }
        }
        let shape = artifact.parameters.settings
        for (setting, found) in [
            ("width", shape.width), ("heads", shape.heads), ("blocks", shape.blocks), ("horizons", shape.horizons),
            ("experts", shape.experts), ("anchors", shape.anchors),
        ] where context.settings.int(setting) != found {
            fromScratch("\(name) has \(setting) \(found), and \(context.settings.int(setting)) is asked for")
            return nil
        }
        for (setting, found, wanted) in [
            ("side-information", shape.hasSideInformation, context.settings.text("side-information") == "yes"),
            ("scenes", shape.readsScenes, context.settings.text("scenes") != "no"),
        ] where found != wanted {
            fromScratch("\(name) was trained \(found ? "with" : "without") \(setting)")
            return nil
        }
        let read = artifact.facts["source"] ?? ""
        guard read == source.names.events, artifact.vocabulary.itemType == source.itemType else {
            fromScratch("\(name) is of \(read), whose items are \(artifact.vocabulary.itemType.rawValue)")
            return nil
        }
    }

    /// What the new artifact says of where it comes from.
    var facts: [String: String] {
        [
            "base": name, Self.incrementsFact: String(number), "bucket": "\(bucket) of \(TrainingCorpus.buckets)",
            "window_days": String(days),
            Self.scratchFact: artifact.facts[Self.scratchFact] ?? artifact.facts["as_of"] ?? "",
        ]
    }

    private static let incrementsFact = "increments"
    private static let scratchFact = "scratch_as_of"
}
