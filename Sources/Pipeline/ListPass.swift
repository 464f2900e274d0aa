import Domain
import Histories
import Postgres
import ResultTables

/// The one pass over histories that makes a release: gathers users, makes their lists a step at a time, writes shards.
struct ListPass {
    let maker: CandidateMaker
    let writer: ReleaseWriter
    let exclusions: ExclusionReader
    let connection: Connection
    var popular: RecentPopularity
    let serveAt: Int64
    private(set) var withoutItems = 0
    private(set) var shortLists = 0
    private var waiting: [(user: ExternalID, history: TokenHistory)] = []
    private var shard: [(user: ExternalID, list: [Candidate])] = []
    private var users = 0

    init(
        maker: CandidateMaker, writer: ReleaseWriter, exclusions: ExclusionReader, connection: Connection,
        popular: RecentPopularity, serveAt: Int64
    ) {
        self.maker = maker
        self.writer = writer
        self.exclusions = exclusions
        self.connection = connection
        self.popular = popular
        self.serveAt = serveAt
    }

    /// - Parameters:
    ///   - step: users encoded and scored together; shard: users written together.
    ///   - progress: called after each step with the number of users so far.
    mutating func add(
        _ user: ExternalID, _ history: TokenHistory, step: Int, shard size: Int, progress: (Int) throws -> Void
    ) throws {
        guard !history.rows.isEmpty else {
            // Nothing to go by: such a user gets the popular list at lookup.
            withoutItems += 1
            return
        }
        popular.add(history)
        waiting.append((user, history))
        guard waiting.count >= step else { return }
        try makeLists()
        if shard.count >= size { try writeShard() }
        try progress(users)
    }

    mutating func finish() throws {
        try makeLists()
        try writeShard()
    }

    private mutating func makeLists() throws {
        guard !waiting.isEmpty else { return }
        let histories = waiting.map(\.history)
        let lists = try maker.lists(
            histories, requests: histories.map { CandidateMaker.request(at: serveAt, after: $0) },
            excluded: exclusions.forUsers(waiting.map(\.user), on: connection))
        for (entry, list) in zip(waiting, lists) {
            // A user who is denied everything has an empty list: with none, the popular one would be shown.
            if list.count < maker.kept { shortLists += 1 }
            shard.append((entry.user, list))
        }
        users += waiting.count
        waiting.removeAll(keepingCapacity: true)
    }

    private mutating func writeShard() throws {
        guard !shard.isEmpty else { return }
        try writer.write(shard)
        shard.removeAll(keepingCapacity: true)
    }
}
