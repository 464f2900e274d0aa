import Model
import Training

extension TrainingCorpus {
    /// Finds the anchors of a model that reads any, saying how far it is; nil where none are asked for.
    ///
    /// - Parameters:
    ///   - items: of the vocabulary.
    ///   - asOf: epoch seconds.
    ///   - isAsked: by place, who is going to be trained on; nil for everybody.
    mutating func findAnchors(
        items: Int, asOf: Int64, isAsked: [Bool]? = nil, _ context: RunContext
    ) throws -> AnchorTable? {
        let count = context.settings.int("anchors")
        guard count > 0 else { return nil }
        let sessions = histories.reduce(0) { $0 + $1.sessions.count }
        return try findAnchors(count, items: items, asOf: asOf, isAsked: isAsked, pool: context.pool) { done in
            try context.safePoint()
            context.progress(done, "sessions", total: sessions)
        }
    }
}
