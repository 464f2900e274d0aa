import Baselines
import Blending
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
    let cap: CategoryCap?
    private let pool: WorkerPool
    private let encoder: UserEncoder
    private let topK: ExactTopK
    /// nil where lists are the model's alone.
    private let blender: Blender?
    private let queries = FloatBuffer()

    /// - Parameters:
    ///   - merges: whether lists are merged, where the artifact knows how.
    ///   - excluded: vocabulary rows that nobody gets.
    ///   - cap: items of one category in a list.
    init(
        _ artifact: ModelArtifact, merges: Bool = true, excluded: Set<Int32>, kept: Int, cap: CategoryCap? = nil,
        pool: WorkerPool
    ) throws {
        let blend = try Blend(
            merges ? artifact.blend : [:], items: artifact.vocabulary.count, path: artifact.facts["model"] ?? "a model")
        try self.init(
            artifact, blending: blend.map { ($0.tables, $0.weights) }, excluded: excluded, kept: kept, cap: cap,
            pool: pool)
    }

    /// - Parameter blending: without weights only to learn them.
    init(
        _ artifact: ModelArtifact, blending: (tables: ItemTables, weights: BlendWeights?)?, excluded: Set<Int32>,
        kept: Int, cap: CategoryCap? = nil, pool: WorkerPool
    ) throws {
        self.artifact = artifact
        self.kept = kept
        self.cap = cap
        self.pool = pool
        let width = artifact.parameters.settings.width, vocabulary = artifact.vocabulary
        vectors = ItemVectors(all: artifact.parameters, category: vocabulary.category, seller: vocabulary.seller)
        encoder = UserEncoder(artifact.parameters, vectors: vectors, pool: pool)
        let catalogue = try Catalogue(vectors.units.pointer, count: vocabulary.count, width: width) {
            !excluded.contains($0)
        }
        let units = vectors.units.pointer
        blender = blending.map {
            Blender(
                $0.tables, weights: $0.weights, units: units, width: width, excluded: excluded, kept: kept, cap: cap,
                pool: pool)
        }
        // Where a cap takes items out, others are to come up.
        let alone = cap == nil ? kept : max(Self.cappedDepth, 4 * kept)
        topK = ExactTopK(catalogue, kept: blender?.depth ?? alone, pool: pool)
    }

    /// - Parameter excluded: per user, rows that must not be in the list.
    func lists(
        _ histories: [TokenHistory], requests: [PackedBatch.Request], excluded: [[Int32]], _ context: RunContext
    ) throws -> [[Candidate]] {
        let lists = try modelLists(histories, requests, excluded, context)
        guard let blender else { return lists.map { cap.first(kept, of: $0) { Int32($0.row) } } }
        return context.part("merging") {
            blender.lists(Self.asked(histories, lists, excluded), queries: queries.pointer)
        }
    }

    /// What merging can learn from users whose next session is known.
    ///
    /// - Parameter next: per user, the rows of that session.
    func examples(
        _ histories: [TokenHistory], requests: [PackedBatch.Request], next: [Set<Int32>], _ context: RunContext
    ) throws -> BlendFit {
        let none = [[Int32]](repeating: [], count: histories.count)
        let lists = try modelLists(histories, requests, none, context)
        return blender!.examples(Self.asked(histories, lists, none), queries: queries.pointer, next: next)
    }

    /// Every item that was looked at for a list, with what speaks for it; nil where lists are the model's alone.
    func explain(
        _ history: TokenHistory, request: PackedBatch.Request, excluded: [Int32], _ context: RunContext
    ) throws -> [ExplainedCandidate]? {
        guard let blender else { return nil }
        let lists = try modelLists([history], [request], [excluded], context)
        return blender.explain(Self.asked([history], lists, [excluded])[0], query: queries.pointer)
    }

    /// How many items the model puts before this one, of all that it knows.
    func modelRank(of row: Int32, _ history: TokenHistory, request: PackedBatch.Request) -> Int {
        encode([history], [request])
        let units = vectors.units.pointer
        func score(_ row: Int) -> Float { Kernels.dot(queries.pointer, units + row * width, count: width) }
        let own = score(Int(row))
        return (0..<artifact.vocabulary.count).reduce(0) { $0 + (score($1) > own ? 1 : 0) }
    }

    /// The rows of popular transitions that the model reads beside a history; none where it reads no anchors.
    func anchors(of history: TokenHistory) -> ArraySlice<Int32> {
        artifact.anchored([history], pool: pool)[0].rows[history.rows.count...]
    }

    /// How far the user's vector turns when each session is left out: one less the cosine.
    func influence(of history: TokenHistory, request: PackedBatch.Request) -> [Float] {
        // All with the anchors of the whole: they say what others do.
        let read = artifact.anchored([history], pool: pool)[0]
        let without = history.sessions.indices.map { left in read.keeping { $0 != left } }
        encoder.encode([read] + without, requests: without.map { _ in request } + [request], into: queries)
        let query = queries.pointer
        return history.sessions.indices.map {
            max(0, 1 - Kernels.dot(query, query + ($0 + 1) * width, count: width))
        }
    }

    /// The model's own lists; the queries that they are of are left in ``queries``.
    private func modelLists(
        _ histories: [TokenHistory], _ requests: [PackedBatch.Request], _ excluded: [[Int32]], _ context: RunContext
    ) throws -> [[Candidate]] {
        context.part("encoding") { encode(histories, requests) }
        return try context.part("finding items") {
            try topK.lists(queries.pointer, users: histories.count, excluded: excluded)
        }
    }

    /// Leaves the users' vectors in ``queries``.
    private func encode(_ histories: [TokenHistory], _ requests: [PackedBatch.Request]) {
        encoder.encode(artifact.anchored(histories, pool: pool), requests: requests, into: queries)
    }

    private static func asked(
        _ histories: [TokenHistory], _ model: [[Candidate]], _ excluded: [[Int32]]
    ) -> [BlendRequest] {
        histories.indices.map {
            BlendRequest(history: histories[$0].engaged, model: model[$0], excluded: excluded[$0])
        }
    }

    var threads: Int { pool.workers }

    private var width: Int { artifact.parameters.settings.width }

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
    private static let cappedDepth = 1000

    /// The scene that a user was on last: the best guess of where the next session will be.
    static func request(at seconds: Int64, after history: TokenHistory) -> PackedBatch.Request {
        PackedBatch.Request(time: seconds, scene: history.sessions.last?.scene ?? 0)
    }
}
