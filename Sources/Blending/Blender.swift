import Baselines
import Domain
import Tensors

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// Who asks for a merged list: a history of engaged items, what the model lists, and for when.
package struct BlendRequest: Sendable {
    package var history: TokenHistory
    /// Epoch seconds.
    package var now: Int64
    /// Best first.
    package var model: [Candidate]
    /// Rows that the user must not get.
    package var excluded: [Int32]

    package init(history: TokenHistory, now: Int64, model: [Candidate], excluded: [Int32]) {
        (self.history, self.now, self.model, self.excluded) = (history, now, model, excluded)
    }
}

/// Merges the sources of a list: the items of all of them, ordered by one learned score.
///
/// A candidate's score is the share of the next session that it is expected to make up, as a softmax over the user's pool;
/// its source is `repeat` for what the user had before, else the one whose features speak most for it. Same requests, same
/// bytes, at any number of threads.
package final class Blender {
    /// How long the model's own list has to be.
    package let depth: Int

    private let weights: BlendWeights?
    private let kept: Int
    private let workers: WorkerPool
    private let pools: [CandidatePool]
    private static let usersPerPiece = 16

    /// - Parameters:
    ///   - weights: nil to learn them (``examples(_:queries:next:into:)``).
    ///   - units: `[V, D]` unit vectors of all items; they must outlive the blender.
    ///   - excluded: rows that nobody gets.
    ///   - kept: `K`, the length of a list.
    package init(
        _ tables: ItemTables, weights: BlendWeights?, units: Floats, width: Int, excluded: Set<Int32>, kept: Int,
        pool workers: WorkerPool
    ) {
        self.weights = weights
        self.kept = kept
        self.workers = workers
        // So that no list is short while there are items left: what another source excludes, the model's list does too.
        depth = max(kept, CandidatePool.depth)
        let popular = tables.mostPopular(CandidatePool.depth) { !excluded.contains($0) }
        let isDenied = (0..<Int32(tables.items)).map { excluded.contains($0) }
        pools = (0..<workers.workers).map { _ in
            CandidatePool(tables, units: units, width: width, popular: popular, isDenied: isDenied)
        }
    }

    /// One list per request, best first, ties by row.
    ///
    /// - Parameter queries: `[requests, D]`.
    package func lists(_ requests: [BlendRequest], queries: Floats, width: Int) -> [[Candidate]] {
        guard let weights else { preconditionFailure("weights were learned") }
        var lists = [[Candidate]](repeating: [], count: requests.count)
        lists.withUnsafeMutableBufferPointer { lists in
            // Safe: every piece writes its own places, and reads what nobody writes.
            nonisolated(unsafe) let (lists, queries) = (lists, queries)
            forEach(requests.count) { user, pool in
                let request = requests[user]
                pool.fill(request, query: queries + user * width)
                lists[user] = best(
                    of: pool, Array(weights.of(UserClass(sessions: request.history.sessions.count))))
            }
        }
        return lists
    }

    /// What can be learned from users whose next session is known.
    ///
    /// - Parameter next: per request, the rows of that session.
    package func examples(
        _ requests: [BlendRequest], queries: Floats, width: Int, next: [Set<Int32>]
    ) -> BlendFit {
        var parts = [BlendFit](repeating: BlendFit(), count: requests.count)
        parts.withUnsafeMutableBufferPointer { parts in
            // Safe: as above.
            nonisolated(unsafe) let (parts, queries) = (parts, queries)
            forEach(requests.count) { user, pool in
                let request = requests[user]
                pool.fill(request, query: queries + user * width)
                parts[user].add(pool, next: next[user], UserClass(sessions: request.history.sessions.count))
            }
        }
        var fit = BlendFit()
        for part in parts { fit.add(part) }
        return fit
    }

    private func forEach(_ users: Int, _ body: (Int, CandidatePool) -> Void) {
        workers.forEach((users + Self.usersPerPiece - 1) / Self.usersPerPiece) { piece, worker in
            for user in piece * Self.usersPerPiece..<min((piece + 1) * Self.usersPerPiece, users) {
                body(user, pools[worker])
            }
        }
    }

    private func best(of pool: CandidatePool, _ weights: [Float]) -> [Candidate] {
        let F = BlendFeature.count
        let scores = pool.features.withUnsafeBufferPointer { features in
            pool.rows.indices.map { i in (0..<F).reduce(Float(0)) { $0 + weights[$1] * features[i * F + $1] } }
        }
        let order = pool.rows.indices.filter { pool.isAllowed[$0] }.sorted {
            scores[$0] != scores[$1] ? scores[$0] > scores[$1] : pool.rows[$0] < pool.rows[$1]
        }
        guard let top = order.first.map({ scores[$0] }) else { return [] }
        let total = order.reduce(0.0) { $0 + exp(Double(scores[$1] - top)) }
        return order.prefix(kept).map { i in
            Candidate(
                row: UInt32(pool.rows[i]), score: Float(exp(Double(scores[i] - top)) / total),
                source: source(of: i, pool, weights))
        }
    }

    private func source(of i: Int, _ pool: CandidatePool, _ weights: [Float]) -> CandidateSource {
        guard i >= pool.ownCount else { return .repeat }
        var (best, source) = (-Float.infinity, CandidateSource.model)
        for group in BlendFeature.groups {
            let sum = group.features.reduce(Float(0)) {
                $0 + weights[$1] * (pool.features[i * BlendFeature.count + $1] - BlendFeature.lowest)
            }
            if sum > best { (best, source) = (sum, group.source) }
        }
        return source
    }
}

extension CandidatePool {
    fileprivate func fill(_ request: BlendRequest, query: Floats) {
        fill(
            request.history, now: request.now, model: request.model, query: query, excluded: request.excluded)
    }
}
