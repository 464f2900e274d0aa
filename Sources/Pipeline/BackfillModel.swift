import Domain
import Histories
import Ledger
import Model
import Postgres

/// The model that a past day's lists are made with.
struct BackfillModel {
    let name: String
    let file: String
    /// Events up to this instant, as text; nil where its file does not say.
    let trainedTo: String?
    /// True where the lists of that day would know what came later.
    let hasSeenLater: Bool

    /// The newest that has seen nothing after the day began; without one, the one that has seen least of it, which stays
    /// the same whatever is trained meanwhile; among those whose files are there.
    ///
    /// - Parameters:
    ///   - file: decides, where it is given.
    ///   - allowsLater: else a model that has seen later events is refused.
    init(
        for date: LogicalDate, file: String?, allowsLater: Bool, _ source: EventSource, on connection: Connection
    ) throws {
        let registry = ModelRegistry(connection)
        if let file {
            let artifact = try ModelArtifact(path: file)
            (name, self.file, trainedTo) = (artifact.facts["model"] ?? file, file, artifact.facts["as_of"])
        } else if let row = try registry.newest(notAfter: date.midnight) ?? registry.oldest() {
            (name, self.file, trainedTo) = (row.model, row.file, row.asOf)
        } else {
            throw JobError.noModel(asOf: date.midnight)
        }
        let midnight = try Instant(date.midnight, source: source, on: connection)
        let seen = try trainedTo.map { try Instant($0, source: source, on: connection) }
        hasSeenLater = seen.map { $0.microseconds > midnight.microseconds } ?? false
        guard allowsLater || !hasSeenLater else {
            throw BackfillError.laterModel(model: name, trainedTo: trainedTo ?? "", date: "\(date)")
        }
    }
}
