import Blending
import Clusters
import Domain
import Histories
import Ledger
import Logging
import Model
import Postgres
import ResultTables
import Tensors

/// One release from its plan to `validated`. Killed anywhere, a run with the same input goes on where this one was: with the
/// shards that are missing, then with what makes them one whole, which is done again.
struct ReleaseBuild {
    let context: RunContext
    let source: EventSource
    let artifact: ModelArtifact
    let facts: ReleaseFacts
    let asOf: Instant
    let serveAt: Instant
    let fingerprint: String
    let unlogged: Bool
    /// Processes, this one with them.
    let workers: Int
    let ledger: RunLedger
    let connection: Connection

    /// - Parameter left: a release that an earlier run has begun; nil begins one.
    /// - Returns: the number of the release.
    func make(goingOnWith left: Int?, _ report: inout RunReport) throws -> Int {
        let writer = try begin(left)
        report.release = writer.release
        let book = ShardBook(release: writer.release, worker: ledger.worker, on: connection)
        if left == nil { try plan(book) }
        try ledger.note(
            asOf: asOf.text, serveAt: serveAt.text, model: facts.model, configHash: facts.settingsHash,
            release: writer.release)
        let reader = try context.connect("reader")
        let denied = try ExclusionReader(source, vocabulary: artifact.vocabulary).forEverybody(on: reader)
        guard denied.count < artifact.vocabulary.count else {
            throw JobError.everythingExcluded(items: denied.count)
        }
        let (found, compared) = try makeLists(writer, book, denied, reader, &report)
        try finish(writer, found, comparedWith: compared, denied, reader, &report)
        try context.stage("indexing and validating") {
            try writer.finish(artifact.vocabulary, clusterOfRow: found.items.clusterOfItem)
        }
        return writer.release
    }

    private var usersPerShard: Int { context.settings.int("shard-users") }
    private var cap: CategoryCap? { ListRules(context.settings).cap(artifact.vocabulary) }

    /// The first of popular items that a list has room for.
    private func list(_ popular: some Sequence<Candidate>, _ cap: CategoryCap?) -> [Candidate] {
        cap.first(facts.candidatesPerUser, of: popular) { Int32($0.row) }
    }

    private func begin(_ left: Int?) throws -> ReleaseWriter {
        guard let left else {
            return try ReleaseWriter(
                facts, userType: source.userType, itemType: source.itemType, items: artifact.vocabulary.count,
                unlogged: unlogged, run: ledger.run, on: connection)
        }
        return try ReleaseWriter(
            continuing: left, userType: source.userType, itemType: source.itemType, items: artifact.vocabulary.count,
            run: ledger.run, takesOver: true, on: connection)
    }

    private func plan(_ book: ShardBook) throws {
        let bounds = try context.stage("dividing the users") {
            try source.bounds(
                users: usersPerShard, asOf: asOf.text, now: context.now, on: connection)
        }
        try book.plan(bounds)
        if bounds.count > 1, try source.hasUserIndex(on: connection) == false {
            context.log.warning(
                "every shard reads all events, for want of an index",
                metadata: ["run": "\(source.userIndexStatement)", "shards": "\(bounds.count + 1)"])
        }
    }

    /// All that needs item vectors, which are gone when it returns: what is counted afterwards takes their room.
    private func makeLists(
        _ writer: ReleaseWriter, _ book: ShardBook, _ denied: Set<Int32>, _ reader: Connection,
        _ report: inout RunReport
    ) throws -> (FoundClusters, compared: ReleaseRow?) {
        let pool = WorkerPool(workers: max(1, context.threads / workers))
        let maker = try context.stage("preparing item vectors") {
            try CandidateMaker(
                artifact, excluded: denied, kept: facts.candidatesPerUser, cap: cap, pool: pool)
        }
        try context.stage("making lists") { try makeLists(writer, book, maker, reader) }
        try account(writer, book, denied, &report)
        // A past day is made from its own events alone, whatever is served while that is done.
        let current = facts.isHistory ? nil : try ReleaseCatalogue(reader).current()
        let previous = try ClusterFinder.Previous(current, itemType: source.itemType, on: reader)
        let found = try context.stage("finding clusters") {
            try ClusterFinder(context: context, source: source, connection: reader).clusters(
                of: artifact.vocabulary, vectors: maker.vectors.units.pointer,
                width: artifact.parameters.settings.width,
                previous: previous)
        }
        // Numbers mean the same clusters only where these are made the same way.
        return (found, previous?.source == found.items.source ? current : nil)
    }

    private func makeLists(
        _ writer: ReleaseWriter, _ book: ShardBook, _ maker: CandidateMaker, _ reader: Connection
    ) throws {
        // Others may help as soon as the plan is there; those of this machine are started here.
        let helpers = try LocalWorkers(workers - 1, run: ledger.run, threads: maker.threads, context)
        defer { helpers.end() }
        do {
            let shards = ShardMaker(
                context: context, source: source, maker: maker, writer: writer, book: book, reader: reader,
                storing: connection, asOf: asOf, serveAt: serveAt, run: ledger.run, reconnected: ledger.reattach)
            _ = try shards.work()
        } catch {
            // So that whoever goes on need not wait for the lease to run out.
            _ = try? book.giveBack()
            throw error
        }
        try writer.lookAgain()
    }

    private func account(
        _ writer: ReleaseWriter, _ book: ShardBook, _ denied: Set<Int32>, _ report: inout RunReport
    ) throws {
        // How lists were encoded stands with the release.
        report.counts.merge(try book.figures().filter { !$0.key.hasSuffix(" lists") && !$0.key.hasSuffix(" bytes") }) {
            $1
        }
        report.counts["items"] = artifact.vocabulary.count
        report.counts["items excluded for everybody"] = denied.count
        report.counts["users"] = writer.users
        report.counts["payload bytes"] = writer.payloadBytes
        var refused: [RefusedReason: Int] = [:]
        for reason in RefusedReason.allCases {
            if let count = report.counts["refused: \(reason.rawValue)"] { refused[reason] = count }
        }
        try context.requireFew(refused)
        guard writer.users > 0 else {
            throw SourceError.noEvents(relation: source.names.events, asOf: asOf.text)
        }
    }

    /// What is not one user's own: transitions, and the lists of those who have none.
    private func finish(
        _ writer: ReleaseWriter, _ found: FoundClusters, comparedWith compared: ReleaseRow?, _ denied: Set<Int32>,
        _ reader: Connection, _ report: inout RunReport
    ) throws {
        let vocabulary = artifact.vocabulary
        let (build, recent) = try TransitionMaker(context: context, source: source).build(
            vocabulary.items, found, asOf,
            inputHash: TransitionMaker.inputHash(context.settings, fingerprint, asOf, knowsModelOnly: true),
            previous: compared.map {
                try TransitionCatalogue(release: $0.release, on: reader).successors(TransitionMaker.compared)
            } ?? [], &report)
        try context.stage("lists of excluded users") {
            let popular = recent.list(vocabulary.count, excluded: denied)
            try writer.writeFallback(list(popular, cap))
            try writeOwnFallbacks(writer, popular, reader, &report)
        }
        try context.stage("writing transitions") { try writer.write(build) }
        report.counts["transition keys"] = writer.transitions
    }

    /// Users without a model list who have exclusions of their own get the popular list without those items, as a list of
    /// their own: the list for everybody would show them what they are not to see.
    private func writeOwnFallbacks(
        _ writer: ReleaseWriter, _ popular: [Candidate], _ reader: Connection, _ report: inout RunReport
    ) throws {
        var shard: [(user: ExternalID, list: [Candidate])] = []
        let before = writer.users, cap = cap
        try ExclusionReader(source, vocabulary: artifact.vocabulary).usersWithout(
            listIn: writer.candidateTable, on: reader
        ) { user, excluded in
            shard.append((user, list(popular.lazy.filter { !excluded.contains(Int32($0.row)) }, cap)))
            guard shard.count >= usersPerShard else { return }
            try writer.write(shard)
            shard.removeAll(keepingCapacity: true)
        }
        if !shard.isEmpty { try writer.write(shard) }
        report.counts["users with the popular list less their exclusions"] = writer.users - before
        report.counts["users"] = writer.users
        report.counts["payload bytes"] = writer.payloadBytes
    }
}
