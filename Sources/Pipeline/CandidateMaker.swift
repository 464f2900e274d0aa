import Domain
import Histories
import Model
import Retrieval
import Tensors

/// Histories to lists: a model, the items on offer, and the number of candidates wanted.
struct CandidateMaker {
    let artifact: ModelArtifact
    let vectors: ItemVectors
    let kept: Int
    let threads: Int
    private let encoder: UserEncoder
    private let topK: ExactTopK
    private let queries = FloatBuffer()

    /// - Parameter excluded: vocabulary rows that nobody gets.
    init(_ artifact: ModelArtifact, excluded: Set<Int32>, kept: Int, pool: WorkerPool) throws {
        self.artifact = artifact
        self.kept = kept
        threads = pool.workers
        let width = artifact.parameters.settings.width, vocabulary = artifact.vocabulary
        vectors = ItemVectors(all: artifact.parameters, category: vocabulary.category, seller: vocabulary.seller)
        encoder = UserEncoder(artifact.parameters, vectors: vectors, pool: pool)
        let catalogue = try Catalogue(vectors.units.pointer, count: vocabulary.count, width: width) {
            !excluded.contains($0)
        }
        topK = ExactTopK(catalogue, kept: kept, pool: pool)
    }

    /// - Parameter excluded: per user, rows that must not be in the list.
    func lists(
        _ histories: [TokenHistory], requests: [PackedBatch.Request], excluded: [[Int32]], _ context: RunContext
    ) throws -> [[Candidate]] {
        context.part("encoding") { encoder.encode(histories, requests: requests, into: queries) }
        return try context.part("finding items") {
            try topK.lists(queries.pointer, users: histories.count, excluded: excluded)
        }
    }

    /// The lists of any number of users, some at a time, with a stop in between where one is asked for.
    ///
    /// - Parameters:
    ///   - seconds: since 1970, what the lists are made for.
    ///   - excluded: per user, rows that must not be in the list.
    func lists(
        of users: [(user: ExternalID, history: TokenHistory)], at seconds: Int64, excluded: [[Int32]],
        _ context: RunContext
    ) throws -> [(user: ExternalID, list: [Candidate])] {
        var lists: [(user: ExternalID, list: [Candidate])] = []
        lists.reserveCapacity(users.count)
        for begin in stride(from: 0, to: users.count, by: Self.usersPerStep) {
            try context.safePoint()
            let step = begin..<min(begin + Self.usersPerStep, users.count)
            let histories = users[step].map(\.history)
            let made = try self.lists(
                histories, requests: histories.map { Self.request(at: seconds, after: $0) },
                excluded: Array(excluded[step]), context)
            lists.append(contentsOf: zip(users[step], made).map { ($0.user, $1) })
        }
        return lists
    }

    private static let usersPerStep = 1024

    /// The scene that a user was on last: the best guess of where the next session will be.
    static func request(at seconds: Int64, after history: TokenHistory) -> PackedBatch.Request {
        PackedBatch.Request(time: seconds, scene: history.sessions.last?.scene ?? 0)
    }
}
