import Baselines
import Domain
import Tensors

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// Who asks for a merged list: a history of engaged items, and what the model lists.
package struct BlendRequest: Sendable {
    package var history: TokenHistory
    /// Best first.
    package var model: [Candidate]
    /// Rows that the user must not get.
    package var excluded: [Int32]

    package init(history: TokenHistory, model: [Candidate], excluded: [Int32]) {
        (self.history, self.model, self.excluded) = (history, model, excluded)
    }
}

/// Merges the sources of a list: the items of all of them, ordered by one learned score.
///
/// A candidate's score is the share of the next session that it is expected to make up, as a softmax over the user's pool;
/// its source is `repeat` for what the user had before, `popular` for what no source of the user's own has brought, else the one
/// that speaks most for it. Same requests, same bytes, at any number of threads.
package final class Blender {
    /// How long the model's own list has to be.
    package let depth: Int

    private let weights: BlendWeights?
    private let width: Int
    private let kept: Int
    private let cap: CategoryCap?
    private let workers: WorkerPool
    private let pools: [CandidatePool]
    private let spares: [Spare]
    private static let usersPerPiece = 16

    private final class Spare {
        let scores = FloatBuffer()
        var selection = Selection()
    }

    /// - Parameters:
    ///   - weights: nil to learn them (``examples(_:queries:next:)``).
    ///   - units: `[V, D]` unit vectors of all items; they must outlive the blender.
    ///   - excluded: rows that nobody gets.
    ///   - kept: `K`, the length of a list.
    ///   - cap: where a list is to have no more of a category; it may be shorter then.
    package init(
        _ tables: ItemTables, weights: BlendWeights?, units: Floats, width: Int, excluded: Set<Int32>, kept: Int,
        cap: CategoryCap? = nil, pool workers: WorkerPool
    ) {
        self.weights = weights
        self.width = width
        self.kept = kept
        self.cap = cap
        self.workers = workers
        // So that no list is short while there are items left: what another source excludes, the model's list does too. Of a
        // cap nobody knows how much it takes out.
        depth = max(cap == nil ? kept : 4 * kept, CandidatePool.depth)
        let popular = tables.mostPopular(CandidatePool.depth) { !excluded.contains($0) }
        let isDenied = (0..<Int32(tables.items)).map { excluded.contains($0) }
        spares = (0..<workers.workers).map { _ in Spare() }
        pools = (0..<workers.workers).map { _ in
            CandidatePool(tables, units: units, width: width, popular: popular, isDenied: isDenied)
        }
    }

    /// One list per request, best first, ties by row.
    ///
    /// - Parameter queries: `[requests, D]`.
    package func lists(_ requests: [BlendRequest], queries: Floats) -> [[Candidate]] {
        guard let weights else { preconditionFailure("weights were learned") }
        var lists = [[Candidate]](repeating: [], count: requests.count)
        lists.withUnsafeMutableBufferPointer { lists in
            // Safe: every piece writes its own places, and reads what nobody writes.
            nonisolated(unsafe) let (lists, queries) = (lists, queries)
            forEach(requests.count) { user, worker in
                let request = requests[user], pool = pools[worker]
                pool.fill(request, query: queries + user * width)
                lists[user] = best(
                    of: pool, Array(weights.of(UserClass(sessions: request.history.sessions.count))), spares[worker])
            }
        }
        return lists
    }

    /// What can be learned from users whose next session is known.
    ///
    /// - Parameter next: per request, the rows of that session.
    package func examples(_ requests: [BlendRequest], queries: Floats, next: [Set<Int32>]) -> BlendFit {
        var parts = [BlendFit](repeating: BlendFit(), count: requests.count)
        parts.withUnsafeMutableBufferPointer { parts in
            // Safe: as above.
            nonisolated(unsafe) let (parts, queries) = (parts, queries)
            forEach(requests.count) { user, worker in
                let request = requests[user], pool = pools[worker]
                pool.fill(request, query: queries + user * width)
                parts[user].add(pool, next: next[user], UserClass(sessions: request.history.sessions.count))
            }
        }
        var fit = BlendFit()
        for part in parts { fit.add(part) }
        return fit
    }

    private func forEach(_ users: Int, _ body: (_ user: Int, _ worker: Int) -> Void) {
        workers.forEach((users + Self.usersPerPiece - 1) / Self.usersPerPiece) { piece, worker in
            for user in piece * Self.usersPerPiece..<min((piece + 1) * Self.usersPerPiece, users) {
                body(user, worker)
            }
        }
    }

    private func best(of pool: CandidatePool, _ weights: [Float], _ spare: Spare) -> [Candidate] {
        let F = BlendFeature.count, features = pool.features, scores = spare.scores.reserve(pool.rows.count)
        var top = -Float.infinity
        for i in pool.rows.indices {
            var score: Float = 0
            for f in 0..<F { score += weights[f] * features[i * F + f] }
            scores[i] = pool.isAllowed[i] ? score : -.infinity
            top = max(top, scores[i])
        }
        guard top > -.infinity else { return [] }
        var total = 0.0
        for i in pool.rows.indices { total += exp(Double(scores[i] - top)) }
        // The highest in any order, and of equal ones at the end perhaps too few: those are settled by row.
        var order = spare.selection.highest(
            scores, count: pool.rows.count, kept: cap == nil ? kept : pool.rows.count)
        let bar = order.reduce(Float.infinity) { min($0, scores[$1]) }
        if bar > -.infinity { order = pool.rows.indices.filter { scores[$0] >= bar } }
        order = order.filter { scores[$0] > -.infinity }
        order.sort { scores[$0] != scores[$1] ? scores[$0] > scores[$1] : pool.rows[$0] < pool.rows[$1] }
        return cap.first(kept, of: order) { pool.rows[$0] }.map { i in
            Candidate(
                row: UInt32(pool.rows[i]), score: Float(exp(Double(scores[i] - top)) / total),
                source: source(of: i, pool, weights))
        }
    }

    /// One's own; else of the personal sources that have brought it the one which speaks most for it; else it is popular.
    private func source(of i: Int, _ pool: CandidatePool, _ weights: [Float]) -> CandidateSource {
        guard i >= pool.ownCount else { return .repeat }
        var (best, source) = (-Float.infinity, CandidateSource.popular)
        for group in BlendFeature.groups where group.source != .popular && pool.origins[i].contains(group.origin) {
            let part = Self.part(group.features, of: i, pool, weights)
            if part > best { (best, source) = (part, group.source) }
        }
        return source
    }

    /// What some features add over an item of which they say nothing.
    private static func part(_ features: Range<Int>, of i: Int, _ pool: CandidatePool, _ weights: [Float]) -> Float {
        features.reduce(0) {
            $0 + weights[$1] * (pool.features[i * BlendFeature.count + $1] - BlendFeature.lowest)
        }
    }

    /// Every item of a user's pool, highest score first, those that are excluded too.
    package func explain(_ request: BlendRequest, query: Floats) -> [ExplainedCandidate] {
        guard let weights else { preconditionFailure("weights were learned") }
        let pool = pools[0], own = Array(weights.of(UserClass(sessions: request.history.sessions.count)))
        pool.fill(request, query: query)
        return pool.rows.indices.map { i in
            let parts = BlendFeature.groups.map { ($0.source, Self.part($0.features, of: i, pool, own)) }
            let score = (0..<BlendFeature.count).reduce(Float(0)) {
                $0 + own[$1] * pool.features[i * BlendFeature.count + $1]
            }
            return ExplainedCandidate(
                row: pool.rows[i], score: score, isAllowed: pool.isAllowed[i],
                parts: Dictionary(uniqueKeysWithValues: parts))
        }.sorted { $0.score != $1.score ? $0.score > $1.score : $0.row < $1.row }
    }
}

extension CandidatePool {
    fileprivate func fill(_ request: BlendRequest, query: Floats) {
        fill(request.history, model: request.model, query: query, excluded: request.excluded)
    }
}
