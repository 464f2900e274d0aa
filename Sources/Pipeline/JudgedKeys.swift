import Domain
import Foundation
import Histories
import Interests
import Postgres
import ResultTables
import Synchronization
import Transitions

/// What a language model is judged by: the keys that were seen most before a cut, with what was counted up to it, and what
/// came behind them after it.
struct JudgedKeys {
    let cut: String
    let keys: [InterestKey]
    let heldOut: [HeldOutNext]

    /// - Parameters:
    ///   - cut: nil for the instant behind which a tenth of the events lies.
    ///   - asOf: events up to here are looked at.
    ///   - most: how many keys.
    init(
        context: RunContext, source: EventSource, release: Int, cut: String?, asOf: String, minSupport: Int, most: Int,
        on connection: Connection
    ) throws {
        let cut = try Instant(
            cut ?? source.quantile(0.9, asOf: asOf, on: connection), source: source, on: connection)
        let known = try TransitionCatalogue(release: release, on: connection).items(source.itemType)
        let vocabulary = Vocabulary(known.items, type: source.itemType)
        let counting = TransitionCounting(context: context, source: source)
        let table = try context.stage("counting up to the cut") {
            try Self.table(counting, vocabulary, known.clusters, cut, on: connection)
        }
        let keys = Self.mostSeen(table, minSupport: minSupport, most: most)
        guard !keys.isEmpty else { throw InterestError.noKeys(support: minSupport, cut: cut.text) }
        let heldOut = Mutex(HeldOutTransitions(cut: cut.microseconds, keys: Set(keys.map(\.key))))
        try context.stage("reading what came behind it") {
            _ = try counting.read(vocabulary, known.clusters, [], asOf: asOf, workers: 1, on: connection) { _, events in
                heldOut.withLock { $0.add(clusters: events.clusters, times: events.times) }
            }
        }
        self.cut = cut.text
        self.keys = keys
        self.heldOut = heldOut.withLock { $0.all }
    }

    private static func table(
        _ counting: TransitionCounting, _ vocabulary: Vocabulary, _ clusterOfItem: [Int32], _ cut: Instant,
        on connection: Connection
    ) throws -> TransitionTable {
        let clusters = Int(clusterOfItem.max() ?? -1) + 1
        let tallies = try (0..<counting.workers).map { _ in
            try TransitionTally(
                clusters: max(1, clusters), asOf: cut.microseconds, settings: counting.settings,
                space: CountingSpace(
                    memoryBytes: counting.memory / counting.workers, folder: NSTemporaryDirectory()))
        }
        _ = try counting.read(vocabulary, clusterOfItem, [], asOf: cut.text, on: connection) { worker, events in
            try tallies[worker].add(clusters: events.clusters, times: events.times)
        }
        return try TransitionTally.finish(tallies, workers: counting.context.threads).build().table
    }

    /// With the successors that a lookup would have shown then.
    private static func mostSeen(_ table: TransitionTable, minSupport: Int, most: Int) -> [InterestKey] {
        let places = (0..<table.count).filter { place in
            let row = table[place]
            return (1...2).contains(row.key.length) && row.support >= minSupport
        }
        let chosen = places.sorted { (table[$1].support, $0) < (table[$0].support, $1) }.prefix(most)
        return chosen.compactMap { place in
            let row = table[place]
            let next = table.next(after: row.key.clusters, count: table.settings.successors)
            return InterestKey(
                row.key, successors: next.candidates.map(\.successor.cluster), support: row.support)
        }
    }
}

extension InterestKey {
    /// nil for a key that is not of one or two clusters.
    init?(_ key: TransitionKey, successors: [Int32], support: Int) {
        let clusters = key.clusters
        guard (1...2).contains(clusters.count) else { return nil }
        self.init(
            key: key.rawValue, older: clusters.count == 2 ? Int(clusters[0]) : nil, latest: Int(clusters.last!),
            successors: successors.map(Int.init), support: support)
    }
}
