import Domain
import Model
import Tensors

/// Loss and gradients of a whole batch: pieces run on all cores, their sums are taken in order.
package final class BatchGradient {
    private let parameters: ModelParameters
    private let category: [Int32]
    private let seller: [Int32]
    private let pool: WorkerPool
    private let spaces: [Workspace]
    private let backs: [BackwardSpace]
    private let losses: [NextSessionLoss]
    private let shares = (0..<TrainingBatch.shareCount).map { _ in Gradients() }
    /// One a piece.
    private var tokens: [TokenGradients] = []
    private let vectors = ItemVectors()
    private let negativeUnits = FloatBuffer()
    private let negatives = PackedNegatives()

    /// Gradient of the dense parameters, and of each slot's summed embedding `[slots, D]`.
    package let dense = FloatBuffer()
    package let slots = FloatBuffer()
    private let unitGradient = FloatBuffer()

    private let balance: Float

    /// - Parameter balance: what the balance of experts weighs beside the loss; 0 where there are none.
    package init(
        _ parameters: ModelParameters, category: [Int32], seller: [Int32], balance: Float = 0, pool: WorkerPool
    ) {
        self.parameters = parameters
        self.category = category
        self.seller = seller
        self.balance = balance
        self.pool = pool
        spaces = (0..<pool.workers).map { _ in Workspace() }
        backs = (0..<pool.workers).map { _ in BackwardSpace() }
        losses = (0..<pool.workers).map { _ in NextSessionLoss() }
    }

    /// Computes loss and gradients; returns the loss per term (sums over scenes).
    package func run(_ batch: TrainingBatch, dropout: Float, seed: UInt64) -> [LossTerm: Double] {
        let sums = forward(batch, dropout: dropout, seed: seed, withGradients: true)
        dense.zeros(parameters.layout.denseCount)
        // Columns are split among workers; each column adds the shares in order.
        let columns = 16, width = (dense.count + columns - 1) / columns
        pool.forEach(columns) { column, _ in
            let begin = column * width, n = min(width, dense.count - begin)
            guard n > 0 else { return }
            for share in shares { Kernels.add(share.dense.pointer + begin, to: dense.pointer + begin, count: n) }
        }
        gatherSlots(batch)
        return sums
    }

    /// The loss alone, without dropout.
    package func loss(_ batch: TrainingBatch) -> [LossTerm: Double] {
        forward(batch, dropout: 0, seed: 0, withGradients: false)
    }

    private func forward(
        _ batch: TrainingBatch, dropout: Float, seed: UInt64, withGradients: Bool
    ) -> [LossTerm: Double] {
        let D = parameters.settings.width, R = batch.negatives.count
        vectors.fill(rows: batch.slots, parameters, category: category, seller: seller, pool: pool)
        let units = vectors.units.pointer
        let negatives = negativeUnits.reserve(R * D)
        for (r, slot) in batch.negatives.enumerated() {
            (negatives + r * D).update(from: units + Int(slot) * D, count: D)
        }
        self.negatives.pack(negatives, count: R, width: D)
        let network = NextSessionNetwork(parameters), packed = self.negatives
        while tokens.count < batch.pieces.count { tokens.append(TokenGradients()) }
        var sums = [[LossTerm: Double]](repeating: [:], count: batch.pieces.count)
        sums.withUnsafeMutableBufferPointer { sums in
            pool.forEach(TrainingBatch.shareCount) { share, worker in
                let space = spaces[worker], back = backs[worker], gradients = shares[share]
                if withGradients { gradients.clear(parameters.layout, negatives: R, width: D) }
                for p in batch.pieces(ofShare: share) {
                    let piece = batch.pieces[p]
                    let mode = NextSessionNetwork.Mode(
                        dropout: dropout, seed: seed &+ UInt64(p) &* 0x9e37_79b9,
                        balance: balance / Float(batch.pieces.count))
                    network.run(piece.batch, embeddings: vectors.sums.pointer, mode: mode, space: space)
                    if withGradients {
                        tokens[p].clear(items: piece.batch.items, width: D)
                        back.stream.zeros(piece.batch.rows * D)
                    }
                    losses[worker].run(
                        piece, of: batch, parameters, states: space.stream.pointer, units: units, negatives: packed,
                        back: withGradients ? back : nil, gradients: withGradients ? gradients : nil, tokens: tokens[p])
                    sums[p] = losses[worker].sums
                    guard withGradients else { continue }
                    NetworkBackward(network).run(
                        piece.batch, mode: mode, space: space, back: back, gradients: gradients, tokens: tokens[p])
                }
            }
        }
        var total: [LossTerm: Double] = [:]
        for sum in sums { for term in LossTerm.allCases { total[term, default: 0] += sum[term] ?? 0 } }
        return total
    }

    /// Per slot: unit-vector gradients from targets and negatives go back through normalising, inputs are added as they are.
    private func gatherSlots(_ batch: TrainingBatch) {
        let D = parameters.settings.width, n = batch.slots.count
        let places = TokensBySlot(batch)
        let inputs = tokens.map(\.inputs.pointer), targets = tokens.map(\.targets.pointer)
        let gradient = slots.reserve(n * D), unit = unitGradient.reserve(n * D)
        let ranges = 32, width = (n + ranges - 1) / ranges
        pool.forEach(ranges) { range, _ in
            let begin = min(n, range * width), end = min(n, begin + width)
            (unit + begin * D).update(repeating: 0, count: (end - begin) * D)
            for slot in begin..<end {
                for place in batch.firstPlace[slot]..<batch.firstPlace[slot + 1] {
                    let row = Int(batch.negativePlaces[Int(place)]) * D
                    for share in shares { Kernels.add(share.negatives.pointer + row, to: unit + slot * D, count: D) }
                }
                places.sum(slot, of: targets, to: unit + slot * D, width: D)
            }
            Kernels.normaliseBackward(
                vectors.units.pointer + begin * D, norm: vectors.norms.pointer + begin, unit + begin * D,
                into: gradient + begin * D, rows: end - begin, width: D)
            for slot in begin..<end {
                places.sum(slot, of: inputs, to: gradient + slot * D, width: D)
            }
        }
    }
}

/// Which tokens hold each slot, piece by piece in order.
private struct TokensBySlot {
    private var first: [Int32]
    private var places: [(piece: Int32, item: Int32)]

    init(_ batch: TrainingBatch) {
        first = Array(repeating: 0, count: batch.slots.count + 1)
        for piece in batch.pieces { for slot in piece.batch.item { first[Int(slot) + 1] += 1 } }
        for s in batch.slots.indices { first[s + 1] += first[s] }
        var next = first
        places = Array(repeating: (0, 0), count: Int(first[batch.slots.count]))
        for (p, piece) in batch.pieces.enumerated() {
            for (i, slot) in piece.batch.item.enumerated() {
                places[Int(next[Int(slot)])] = (Int32(p), Int32(i))
                next[Int(slot)] += 1
            }
        }
    }

    /// Adds one slot's rows of what each piece has a row of for every item token, in order.
    func sum(_ slot: Int, of pieces: [Floats], to out: Floats, width D: Int) {
        func row(_ k: Int) -> Floats { pieces[Int(places[k].piece)] + Int(places[k].item) * D }
        for k in Int(first[slot])..<Int(first[slot + 1]) {
            // They lie all over the batch: asked for some slots ahead.
            if k + Self.ahead < places.count { Kernels.fetch(row(k + Self.ahead), count: D) }
            Kernels.add(row(k), to: out, count: D)
        }
    }

    private static let ahead = 8
}
