import Clusters
import Domain
import Foundation
import Histories
import Postgres
import Transitions

/// Reads the events that transitions are counted from, as the settings say.
struct TransitionCounting {
    let context: RunContext
    let source: EventSource

    var settings: TransitionSettings {
        let settings = context.settings
        return TransitionSettings(
            keyLength: settings.int("transition-keys"), windowDays: settings.int("transition-window-days"),
            halfLifeDays: settings.int("transition-half-life-days"), trendDays: settings.int("transition-trend-days"),
            successors: settings.int("successors"))
    }

    /// Each opens a session of its own, and more than a few do not read a table faster.
    var workers: Int { min(context.threads, 4) }

    /// Half of what is allowed: reading takes as much as counting.
    var memory: Int { context.settings.int("counting-mebibytes") << 19 }

    /// Hands every user's engaged events to `user`, with the number of the thread that calls.
    ///
    /// - Parameters:
    ///   - clusterOfItem: by row of the vocabulary, negative for none.
    ///   - scenes: numbered from 1; empty where events need no scene.
    ///   - workers: nil for ``workers``.
    /// - Returns: the reader, which has counted what it read and refused.
    func read(
        _ vocabulary: Vocabulary, _ clusterOfItem: [Int32], _ scenes: [String], asOf: String, workers: Int? = nil,
        on connection: Connection, user: @escaping @Sendable (Int, EngagedEvents) throws -> Void
    ) throws -> EngagedEventReader {
        var reader = EngagedEventReader(
            source, asOf: asOf, now: context.now,
            space: ReadingSpace(
                workers: workers ?? self.workers, memoryBytes: memory, folder: NSTemporaryDirectory()))
        let numbers = Dictionary(
            scenes.enumerated().map { (ExternalID.text($1), Int32($0 + 1)) }, uniquingKeysWith: { first, _ in first })
        let number: @Sendable (String?) -> Int32 = { name in name.flatMap { numbers[.text($0)] } ?? 0 }
        // Every session belongs to the thread that asks for it, and what opens it only reads settings.
        nonisolated(unsafe) let opener = context
        let activity = context.activity
        try reader.read(
            on: connection, connect: { try opener.connect("counting") },
            place: { item in
                guard let row = vocabulary.row(of: item) else { return nil }
                return ItemPlace(row: row, cluster: clusterOfItem[Int(row)])
            },
            scene: scenes.isEmpty ? nil : number,
            user: { worker, events in
                activity.moved()
                try StopSignal.shared.check()
                try user(worker, events)
            })
        return reader
    }

    /// What had been counted up to an instant, with what came later left out.
    ///
    /// - Parameter clusterOfItem: as for ``read(_:_:_:asOf:workers:on:user:)``.
    func table(
        _ vocabulary: Vocabulary, _ clusterOfItem: [Int32], upTo cut: Instant, on connection: Connection
    ) throws -> TransitionTable {
        let clusters = Int(clusterOfItem.max() ?? -1) + 1
        let space = CountingSpace(memoryBytes: memory / workers, folder: NSTemporaryDirectory())
        let tallies = try (0..<workers).map { _ in
            try TransitionTally(clusters: max(1, clusters), asOf: cut.microseconds, settings: settings, space: space)
        }
        _ = try read(vocabulary, clusterOfItem, [], asOf: cut.text, on: connection) { worker, events in
            try tallies[worker].add(clusters: events.clusters, times: events.times)
        }
        return try TransitionTally.finish(tallies, workers: context.threads).build().table
    }
}

extension Vocabulary {
    /// Items by row, with nothing known beside their keys.
    init(_ items: [ExternalID], type: IDType) {
        let none = [Int32](repeating: 0, count: items.count)
        self.init(
            itemType: type, items: items, category: none, seller: none, categories: [""], sellers: [""], scenes: [""])
    }
}

/// What one thread counts.
///
/// Sendable because a worker's number is handed to one thread at a time.
final class CountingWorker: @unchecked Sendable {
    /// Of all scenes together, then of each one.
    let tallies: [TransitionTally]
    private(set) var popularity: ClusterPopularity
    private(set) var recent: RecentPopularity
    /// By cluster.
    private(set) var events: [Int]

    init(
        _ clusters: ItemClusters, asOf: Int64, scenes: Int, _ settings: TransitionSettings, memoryBytes: Int
    ) throws {
        let space = CountingSpace(memoryBytes: memoryBytes / (scenes + 1), folder: NSTemporaryDirectory())
        tallies = try (0...scenes).map { _ in
            try TransitionTally(clusters: clusters.names.count, asOf: asOf, settings: settings, space: space)
        }
        popularity = try ClusterPopularity(
            clusterOfItem: clusters.clusterOfItem, asOf: asOf, settings: settings)
        recent = RecentPopularity(items: clusters.clusterOfItem.count, asOf: asOf)
        events = [Int](repeating: 0, count: clusters.names.count)
    }

    func add(_ user: EngagedEvents) throws {
        try tallies[0].add(clusters: user.clusters, times: user.times)
        popularity.add(items: user.items, times: user.times)
        recent.add(items: user.items, times: user.times)
        for cluster in user.clusters where cluster >= 0 { events[Int(cluster)] += 1 }
        for scene in 1..<max(1, tallies.count) {
            let here = user.scenes.indices.filter { user.scenes[$0] == Int32(scene) }
            guard here.count > 1 else { continue }
            try tallies[scene].add(clusters: here.map { user.clusters[$0] }, times: here.map { user.times[$0] })
        }
    }
}
