import Domain
import Model
import Tensors

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// How well the held-out sessions are foreseen: mean NDCG@100 over the whole catalogue.
///
/// A ranking figure, because the held-out loss turns after a few epochs (probabilities become overconfident) while the
/// lists go on getting better.
final class HeldOutRanking {
    private static let depth = 100
    private static let usersPerBatch = 64
    private static let itemsPerTile = 2048

    private let parameters: ModelParameters
    private let vocabulary: Vocabulary
    private let pool: WorkerPool
    private let buckets: TimeBuckets
    private let spaces: [Workspace]
    private let heads: [QueryHead]
    private let scores: [FloatBuffer]

    init(_ parameters: ModelParameters, vocabulary: Vocabulary, pool: WorkerPool) {
        self.parameters = parameters
        self.vocabulary = vocabulary
        self.pool = pool
        buckets = TimeBuckets(count: parameters.settings.timeBuckets)
        spaces = (0..<pool.workers).map { _ in Workspace() }
        heads = (0..<pool.workers).map { _ in QueryHead() }
        scores = (0..<pool.workers).map { _ in FloatBuffer() }
    }

    /// - Parameters:
    ///   - histories: whole, newest sessions within the token budget.
    ///   - isTarget: per session, whether it was held out.
    func meanNDCG(_ histories: [TokenHistory], isTarget: [[Bool]]) -> Double {
        let vectors = ItemVectors(all: parameters, category: vocabulary.category, seller: vocabulary.seller)
        let network = NextSessionNetwork(parameters)
        let batches = (histories.count + Self.usersPerBatch - 1) / Self.usersPerBatch
        var sums = [(gain: Double, targets: Int)](repeating: (0, 0), count: batches)
        sums.withUnsafeMutableBufferPointer { sums in
            pool.forEach(batches) { b, worker in
                let users = b * Self.usersPerBatch..<min((b + 1) * Self.usersPerBatch, histories.count)
                sums[b] = run(Array(histories[users]), isTarget[users].flatMap { $0 }, network, vectors, worker)
            }
        }
        let targets = sums.reduce(0) { $0 + $1.targets }
        return sums.reduce(0) { $0 + $1.gain } / Double(max(1, targets))
    }

    private func run(
        _ histories: [TokenHistory], _ isTarget: [Bool], _ network: NextSessionNetwork, _ vectors: ItemVectors,
        _ worker: Int
    ) -> (Double, Int) {
        let batch = PackedBatch(histories, buckets: buckets), head = heads[worker]
        let targets = isTarget.indices.filter { isTarget[$0] && batch.firstItem[$0 + 1] > batch.firstItem[$0] }
        guard !targets.isEmpty else { return (0, 0) }
        network.run(
            batch, embeddings: vectors.sums.pointer, mode: .exact, space: spaces[worker])
        head.gather(spaces[worker].stream.pointer, rows: targets, parameters)
        head.run(parameters, horizon: 0)
        let wanted = targets.map { Array(batch.item[Int(batch.firstItem[$0])..<Int(batch.firstItem[$0 + 1])]) }
        let ranks = ranks(of: wanted, head.units.pointer, vectors, scores[worker])
        return (ranks.reduce(0) { $0 + HeldOutRanking.ndcg($1) }, targets.count)
    }

    /// How many items score higher than each wanted one, per query.
    private func ranks(
        of wanted: [[Int32]], _ queries: Floats, _ vectors: ItemVectors, _ scores: FloatBuffer
    ) -> [[Int]] {
        let D = parameters.settings.width
        let own = wanted.enumerated().map { q, items in
            items.map { Kernels.dot(queries + q * D, vectors.units.pointer + Int($0) * D, count: D) }
        }
        var ranks = wanted.map { [Int](repeating: 0, count: $0.count) }
        for begin in stride(from: 0, to: vocabulary.count, by: Self.itemsPerTile) {
            let n = min(Self.itemsPerTile, vocabulary.count - begin)
            let tile = scores.reserve(wanted.count * n)
            multiply(
                Operand(queries, stride: D), Operand(vectors.units.pointer + begin * D, stride: D, transposed: true),
                into: tile, stride: n, rows: wanted.count, columns: n, inner: D)
            for q in wanted.indices {
                for i in wanted[q].indices {
                    // Slightly above its own score, which this product may round otherwise.
                    let bar = own[q][i] + 1e-6
                    var above = 0
                    for j in 0..<n where tile[q * n + j] > bar { above += 1 }
                    ranks[q][i] += above
                }
            }
        }
        return ranks
    }

    private static func ndcg(_ ranks: [Int]) -> Double {
        let gain = ranks.reduce(0.0) { $0 + ($1 < depth ? 1 / log2(Double($1 + 2)) : 0) }
        return gain / (0..<min(depth, ranks.count)).reduce(0.0) { $0 + 1 / log2(Double($1 + 2)) }
    }
}
