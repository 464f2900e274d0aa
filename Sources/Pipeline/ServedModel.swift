import Domain
import Foundation
import Histories
import Model
import Postgres
import ResultTables

/// The model behind the release that is served, with the settings that its lists were made with: whoever makes lists between
/// two nights makes them as that night did.
final class ServedModel {
    /// Settings that shape a list; where the source is, is said by whoever runs the command now.
    private static let shaping = ["gap-minutes", "tokens", "session-items", "lifelong-items"] + ListRules.settings
    /// What nobody gets is looked up this often. Until the next night, everybody's old lists hold it anyway.
    private static let deniedFor = Duration.seconds(60)

    let release: ReleaseRow
    let artifact: ModelArtifact
    let history: HistorySettings
    let rules: ListRules
    private(set) var maker: CandidateMaker
    private let source: EventSource
    private let popular: [Candidate]
    private var denied: Set<Int32>
    private var deniedAt = ContinuousClock.now

    init(_ release: ReleaseRow, _ source: EventSource, _ context: RunContext, on connection: Connection) throws {
        let catalogue = ReleaseCatalogue(connection)
        artifact = try context.model(named: release.model, on: connection)
        let vocabulary = artifact.vocabulary
        guard vocabulary.itemType == source.itemType else {
            throw SourceError.itemTypeChanged(
                relation: source.names.events, found: source.itemType.rawValue, model: vocabulary.itemType.rawValue)
        }
        try catalogue.requireItems(vocabulary.items, type: source.itemType, of: release)
        popular = try catalogue.fallback(of: release.release)
        let settings = try Self.settings(of: release, context, catalogue)
        (history, rules) = (settings.history, ListRules(settings))
        denied = try Self.denied(source, vocabulary, on: connection)
        maker = try Self.maker(artifact, denied, rules, release, context)
        self.release = release
        self.source = source
    }

    /// Makes lists without what has been denied to everybody since, once in a while.
    func lookForDenied(_ context: RunContext, on connection: Connection) throws {
        guard ContinuousClock.now - deniedAt > Self.deniedFor else { return }
        let now = try Self.denied(source, artifact.vocabulary, on: connection)
        if now != denied { maker = try Self.maker(artifact, now, rules, release, context) }
        denied = now
        deniedAt = .now
    }

    /// Whether nobody gets an item.
    func isDenied(_ row: Int32) -> Bool { denied.contains(row) }

    /// The popular list of the release, less what is excluded; longer than stored where that takes much of it.
    func popular(without excluded: Set<Int32>) -> [Candidate] {
        func isAllowed(_ row: UInt32) -> Bool { !excluded.contains(Int32(row)) && !denied.contains(Int32(row)) }
        let stored = popular.filter { isAllowed($0.row) }
        guard stored.count < maker.kept else { return Array(stored.prefix(maker.kept)) }
        let listed = Set(popular.map(\.row))
        // Rows are in the order of popularity.
        let others = (0..<UInt32(artifact.vocabulary.count)).lazy.filter { !listed.contains($0) && isAllowed($0) }
            .map { Candidate(row: $0, score: 0, source: .popular) }
        let all = [AnySequence(stored), AnySequence(others)].lazy.joined()
        return maker.cap.first(maker.kept, of: all) { Int32($0.row) }
    }

    private static func settings(
        of release: ReleaseRow, _ context: RunContext, _ catalogue: ReleaseCatalogue
    ) throws -> Settings {
        guard let json = try catalogue.settings(of: release.release) else { return context.settings }
        var decided = (try? JSONDecoder().decode([String: String].self, from: Data(json.utf8))) ?? [:]
        // Of a release from before there was a setting: it was made as if by its default.
        for name in shaping where decided[name] == nil { decided[name] = Setting.named(name)?.standard }
        return try context.settings.taking(
            decided.filter { shaping.contains($0.key) }, from: "release \(release.release)")
    }

    private static func denied(
        _ source: EventSource, _ vocabulary: Vocabulary, on connection: Connection
    ) throws -> Set<Int32> {
        let denied = try ExclusionReader(source, vocabulary: vocabulary).forEverybody(on: connection)
        guard denied.count < vocabulary.count else { throw JobError.everythingExcluded(items: denied.count) }
        return denied
    }

    private static func maker(
        _ artifact: ModelArtifact, _ denied: Set<Int32>, _ rules: ListRules, _ release: ReleaseRow,
        _ context: RunContext
    ) throws -> CandidateMaker {
        try context.stage("preparing item vectors") {
            try CandidateMaker(
                artifact, excluded: denied, kept: release.candidatesPerUser, cap: rules.cap(artifact.vocabulary),
                pool: context.pool)
        }
    }
}
