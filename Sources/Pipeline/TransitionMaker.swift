import Checksum
import Clusters
import Domain
import Foundation
import Histories
import Ledger
import Postgres
import ResultTables
import Tensors
import Transitions

/// From events to a build of transitions that is ready to be stored: one pass over the events, then tables and churn.
struct TransitionMaker {
    let context: RunContext
    let source: EventSource

    /// Successors of a key that are compared between builds and days.
    static let compared = 5
    static let buildBefore = "build before"
    private static let popularKept = 100
    /// Settings that change what is built.
    static let decisive = [
        "clusters", "embedding", "cluster-share", "transition-keys", "transition-window-days",
        "transition-half-life-days", "transition-trend-days", "transition-scenes", "successors", "events", "items",
        "exclusions",
    ]

    static func settings(_ settings: Settings) -> String { settings.json(decisive) }

    /// Equal for what would give the same transitions.
    ///
    /// Ageing weighs all by the same factor when only time goes by, and a trend compares the newest events with those
    /// before them as well an hour later; but events fall out of a window, and that counts from day to day.
    ///
    /// - Parameter knowsModelOnly: whether items that came after the model are left out, for a refresh to bring them.
    static func inputHash(
        _ settings: Settings, _ fingerprint: String, _ asOf: Instant, knowsModelOnly: Bool = false
    ) -> String {
        let day = settings.int("transition-window-days") > 0 ? "|\(asOf.microseconds / 86_400_000_000)" : ""
        return Checksum.name(
            Self.settings(settings) + "|" + fingerprint + day + (knowsModelOnly ? "|items of the model" : ""))
    }

    /// - Parameters:
    ///   - items: the release's dictionary by row.
    ///   - previous: the first successors of every key of the build before; empty where there is none to compare with.
    ///   - account: is given the rows that were refused, where nobody else reads the same events.
    func build(
        _ items: [ExternalID], _ found: FoundClusters, _ asOf: Instant, inputHash: String,
        previous: [(key: Int64, clusters: [Int32])], _ report: inout RunReport,
        account: (RefusedRows, inout RunReport) throws -> Void = { _, _ in }
    ) throws -> (build: TransitionBuild, recent: RecentPopularity) {
        let connection = try context.connect("transitions")
        let vocabulary = Vocabulary(items, type: source.itemType)
        let denied = try ExclusionReader(source, vocabulary: vocabulary).forEverybody(on: connection)
        let scenes = try self.scenes(asOf, on: connection)
        let counting = TransitionCounting(context: context, source: source)
        let workers = try (0..<counting.workers).map { _ in
            try CountingWorker(
                found.items, asOf: asOf.microseconds, scenes: scenes.count, counting.settings,
                memoryBytes: counting.memory / counting.workers)
        }
        try context.stage("counting transitions") {
            let reader = try counting.read(
                vocabulary, found.items.clusterOfItem, scenes, asOf: asOf.text, on: connection
            ) { worker, events in try workers[worker].add(events) }
            report.counts["events for transitions"] = reader.events
            report.counts["events of unknown items for transitions"] = reader.unknownItems
            try account(reader.refused, &report)
        }
        return try context.stage("making transitions") {
            var facts = TransitionFacts(
                asOf: asOf.text, clusterSource: found.items.source,
                inputHash: inputHash, settings: Self.settings(context.settings))
            facts.codebook = found.codebook
            facts.figures = figures(found)
            var recent = workers[0].recent
            for worker in workers.dropFirst() { recent.add(worker.recent) }
            return (try gather(workers, found, scenes, facts, denied, previous), recent)
        }
    }

    private func gather(
        _ workers: [CountingWorker], _ found: FoundClusters, _ scenes: [String], _ facts: TransitionFacts,
        _ denied: Set<Int32>, _ previous: [(key: Int64, clusters: [Int32])]
    ) throws -> TransitionBuild {
        var build = TransitionBuild(facts: facts, clusters: [], keys: [])
        for scene in 0...scenes.count {
            let counts = try TransitionTally.finish(workers.map { $0.tallies[scene] }, workers: context.threads)
            let (table, churn) = try counts.build(scene: scene == 0 ? nil : Int32(scene - 1), churnOf: Self.compared)
            build.keys.append(contentsOf: rows(of: table))
            guard scene == 0 else { continue }
            build.facts.transitions = table.row(.everybody)?.support ?? 0
            build.churn = Self.churn(churn)
            if !previous.isEmpty {
                build.churn += Self.rows(Self.overlap(build.keys, previous), against: Self.buildBefore)
            }
            switch churn.refresh() {
            case .days(let days): build.facts.refreshHours = days * 24
            case .longerThan(let days): build.facts.refreshHours = Double(days) * 24
            case .unknown: break
            }
        }
        build.keys.sort { $0.key < $1.key }
        build.scenes = scenes
        build.clusters = clusters(workers, found, denied)
        return build
    }

    private static let sceneLane: Int64 = 0xffff << 16

    /// Every key with all the successors that a lookup shows: those that were never seen behind it come in by what is
    /// known of shorter keys, with a support of 0.
    private func rows(of table: TransitionTable) -> [TransitionBuild.Key] {
        (0..<table.count).map { place in
            let row = table[place], own = row.key.length
            let next = table.next(after: row.key.clusters, count: table.settings.successors)
            return TransitionBuild.Key(
                key: row.key.rawValue, support: row.support,
                next: next.candidates.map {
                    Candidate(row: UInt32($0.successor.cluster), score: $0.successor.probability, source: .transition)
                },
                details: next.candidates.map {
                    $0.basis.rawValue == own ? ($0.successor.support, $0.successor.trend) : (0, 0)
                })
        }
    }

    private func clusters(
        _ workers: [CountingWorker], _ found: FoundClusters, _ denied: Set<Int32>
    ) -> [TransitionBuild.Cluster] {
        var popularity = workers[0].popularity
        for worker in workers.dropFirst() { popularity.add(worker.popularity) }
        let top = popularity.top(Self.popularKept, clusters: found.items.names.count, excluding: denied)
        return found.items.names.indices.map { number in
            TransitionBuild.Cluster(
                name: found.items.names[number], items: found.items.sizes[number],
                events: workers.reduce(0) { $0 + $1.events[number] },
                popular: top[number].map { Candidate(row: UInt32($0.item), score: $0.share, source: .transition) })
        }
    }

    /// What lookups answer now against what they answered; everybody's key and those of scenes are left out.
    private static func overlap(
        _ keys: [TransitionBuild.Key], _ previous: [(key: Int64, clusters: [Int32])]
    ) -> TransitionOverlap {
        var overlap = TransitionOverlap()
        var before = Dictionary(
            previous.lazy.filter { $0.key & sceneLane == 0 }.map { ($0.key, $0.clusters) },
            uniquingKeysWith: { first, _ in first })
        for key in keys where key.key != TransitionKey.everybody.rawValue {
            overlap.add(
                now: key.next.prefix(compared).map { Int32($0.row) }, then: before.removeValue(forKey: key.key) ?? [],
                support: key.support)
        }
        for (key, clusters) in before where key != TransitionKey.everybody.rawValue {
            overlap.add(now: [], then: clusters, support: 0)
        }
        return overlap
    }

    private static func churn(_ churn: TransitionChurn) -> [TransitionBuild.Churn] {
        zip(churn.lags, churn.overlaps).flatMap { days, overlap in
            rows(overlap, against: "\(days) day\(days == 1 ? "" : "s") before")
        }
    }

    private static func rows(_ overlap: TransitionOverlap, against: String) -> [TransitionBuild.Churn] {
        guard let mean = overlap.mean else { return [] }
        let classes = SupportClass.allCases.map { ($0.label, overlap[$0]) }.filter { $0.1.keys > 0 }
        let all = classes.reduce(0) { $0 + $1.1.keys }
        return [TransitionBuild.Churn(against: against, support: "all", keys: all, overlap: mean)]
            + classes.map {
                TransitionBuild.Churn(against: against, support: $0.0, keys: $0.1.keys, overlap: $0.1.value)
            }
    }

    private func scenes(_ asOf: Instant, on connection: Connection) throws -> [String] {
        guard context.settings.text("transition-scenes") == "yes" else { return [] }
        return try VocabularyReader(source, asOf: asOf.text).scenes(on: connection)
    }

    private func figures(_ found: FoundClusters) -> String {
        let data = try? JSONSerialization.data(withJSONObject: found.figures, options: [.sortedKeys])
        return String(decoding: data ?? Data("{}".utf8), as: UTF8.self)
    }
}
