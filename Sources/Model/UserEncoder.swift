import Domain
import Tensors

/// Histories to unit query vectors: the state of each user's request token, through the head of horizon 0.
package final class UserEncoder: @unchecked Sendable {
    private let network: NextSessionNetwork
    private let vectors: ItemVectors
    private let buckets: TimeBuckets
    private let pool: WorkerPool
    private let spaces: [Workspace]
    private let heads: [QueryHead]

    /// Tokens that one piece of work holds at most (a single longer history is a piece of its own): bounds memory.
    private static let tokensPerPiece = 4096

    package init(_ parameters: ModelParameters, vectors: ItemVectors, pool: WorkerPool) {
        network = NextSessionNetwork(parameters)
        self.vectors = vectors
        self.pool = pool
        buckets = TimeBuckets(count: parameters.settings.timeBuckets)
        spaces = (0..<pool.workers).map { _ in Workspace() }
        heads = (0..<pool.workers).map { _ in QueryHead() }
    }

    /// Writes `[users, D]` unit vectors, in the order given; the pieces depend on the histories only, never on threads.
    ///
    /// - Parameter requests: one per history: when and where the session to come begins.
    package func encode(_ histories: [TokenHistory], requests: [PackedBatch.Request], into out: FloatBuffer) {
        let D = network.parameters.settings.width
        let target = out.reserve(histories.count * D)
        let pieces = UserEncoder.pieces(histories)
        pool.forEach(pieces.count) { piece, worker in
            let users = pieces[piece], space = spaces[worker]
            let batch = PackedBatch(histories[users], requests: Array(requests[users]), buckets: buckets)
            network.run(batch, embeddings: vectors.sums.pointer, mode: .inference, space: space)
            let last = (0..<batch.users).map { Int(batch.firstContext[$0 + 1]) - 1 }
            heads[worker].gather(space.stream.pointer, rows: last, network.parameters)
            heads[worker].run(network.parameters, horizon: 0)
            (target + users.lowerBound * D).update(from: heads[worker].units.pointer, count: users.count * D)
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
