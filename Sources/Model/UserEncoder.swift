import Domain
import Tensors

/// Histories to unit query vectors: the state of each user's request token, through the head of horizon 0.
package final class UserEncoder: Sendable {
    private let network: FrozenNetwork
    private let buckets: TimeBuckets
    private let pool: WorkerPool
    private let spaces: [QuerySpace]

    /// Tokens that one piece of work holds at most (a single longer history is a piece of its own): bounds memory. Fewer
    /// than some hundred leave tiles half empty.
    private static let tokensPerPiece = 600

    package init(_ parameters: ModelParameters, vectors: ItemVectors, pool: WorkerPool) {
        network = FrozenNetwork(parameters, items: vectors.sums, pool: pool)
        self.pool = pool
        buckets = TimeBuckets(count: parameters.settings.timeBuckets)
        spaces = (0..<pool.workers).map { _ in QuerySpace() }
    }

    /// Writes `[users, D]` unit vectors, in the order given; a vector depends on its user's history only, never on others
    /// or on threads.
    ///
    /// - Parameter requests: one per history: when and where the session to come begins.
    package func encode(_ histories: [TokenHistory], requests: [PackedBatch.Request], into out: FloatBuffer) {
        let D = network.settings.width
        let target = out.reserve(histories.count * D)
        let pieces = UserEncoder.pieces(histories)
        pool.forEach(pieces.count) { piece, worker in
            let users = pieces[piece]
            let batch = PackedBatch(histories[users], requests: Array(requests[users]), buckets: buckets)
            network.run(batch, into: target + users.lowerBound * D, space: spaces[worker])
        }
    }

    private static func pieces(_ histories: [TokenHistory]) -> [Range<Int>] {
        var pieces: [Range<Int>] = [], begin = 0, tokens = 0
        for (i, history) in histories.enumerated() {
            if i > begin, tokens + history.tokens > tokensPerPiece {
                pieces.append(begin..<i)
                begin = i
                tokens = 0
            }
            tokens += history.tokens + 1
        }
        if begin < histories.count { pieces.append(begin..<histories.count) }
        return pieces
    }
}
