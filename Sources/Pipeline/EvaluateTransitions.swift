import Domain
import Histories
import Postgres
import ResultTables
import Synchronization
import Transitions

/// `nearline transitions --evaluate`: how often what came next after an instant is among what was expected at it.
package struct EvaluateTransitions {
    /// Events up to here are looked at.
    package var asOf: String
    /// The instant of the cut; nil for that behind which a tenth of the events lies.
    package var cut: String?

    package init(asOf: String, cut: String?) {
        self.asOf = asOf
        self.cut = cut
    }

    private struct Facts: Encodable {
        var cut: String
        var asOf: String
        var clusters: Int
        var keys: Int
        var occurrences: Int
        var hitRate: [String: Double]
    }

    private static let top = 5

    package func run(_ context: RunContext) throws -> Answer {
        let connection = try context.connectToSchema(isReadOnly: true)
        let source = try context.source(on: connection)
        guard let release = try ReleaseCatalogue(connection).current() else { throw ReleaseError.noRelease }
        let asOf = try Instant(asOf, source: source, on: connection)
        let cut = try Instant(
            cut ?? source.quantile(0.9, asOf: asOf.text, on: connection), source: source, on: connection)
        let known = try TransitionCatalogue(release: release.release, on: connection).items(source.itemType)
        let vocabulary = Vocabulary(known.items, type: source.itemType)
        let clusters = Int(known.clusters.max() ?? -1) + 1
        guard clusters > 1 else { throw JobError.noBuild(release: release.release) }
        let counting = TransitionCounting(context: context, source: source)
        let table = try context.stage("counting up to the cut") {
            try counting.table(vocabulary, known.clusters, upTo: cut, on: connection)
        }
        guard table.count > 0 else { throw JobError.emptySide(cut: cut.text, isBefore: true) }
        let rate = Mutex(TransitionHitRate(table, after: cut.microseconds, top: Self.top))
        try context.stage("asking for what came behind it") {
            _ = try counting.read(vocabulary, known.clusters, [], asOf: asOf.text, workers: 1, on: connection) {
                _, events in
                rate.withLock { $0.add(clusters: events.clusters, times: events.times) }
            }
        }
        let found = rate.withLock { $0 }
        guard found.occurrences > 0 else { throw JobError.emptySide(cut: cut.text, isBefore: false) }
        return answer(found, table, cut, asOf, clusters)
    }

    private func answer(
        _ rate: TransitionHitRate, _ table: TransitionTable, _ cut: Instant, _ asOf: Instant, _ clusters: Int
    ) -> Answer {
        let rates = [("back-off", rate.backOff), ("latest alone", rate.latest), ("everybody", rate.everybody)]
        let facts = Facts(
            cut: cut.text, asOf: asOf.text, clusters: clusters, keys: table.count, occurrences: rate.occurrences,
            hitRate: Dictionary(uniqueKeysWithValues: rates))
        let rows = rates.map { [$0.0, "\(($0.1 * 10_000).rounded() / 10_000)"] }
        return Answer(
            "\(rate.occurrences) next clusters after \(cut.text), \(table.count) keys of \(clusters) clusters from before:\n"
                + Pipeline.table(["expected by", "hit rate of the first \(Self.top)"], rows), facts)
    }
}
