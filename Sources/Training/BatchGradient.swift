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
    private let tokens = TokenGradients()
    private let vectors = ItemVectors()
    private let negativeUnits = FloatBuffer()
    private let negatives = PackedNegatives()

    /// Gradient of the dense parameters, and of each slot's summed embedding `[slots, D]`.
    package let dense = FloatBuffer()
    package let slots = FloatBuffer()

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
        self.negatives.pack(negatives, count: R, width: D, pool: pool)
        let network = NextSessionNetwork(parameters), packed = self.negatives
        let firstItem = batch.pieces.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.batch.items) }
        if withGradients { tokens.reserve(items: firstItem[batch.pieces.count], width: D) }
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
                    let loss = losses[worker]
                    guard withGradients else {
                        loss.run(
                            piece, of: batch, parameters, states: space.stream.pointer, units: units, negatives: packed)
                        sums[p] = loss.sums
                        continue
                    }
                    back.stream.zeros(piece.batch.rows * D)
                    let found = NextSessionLoss.Back(
                        space: back, shared: gradients,
                        tokens: tokens.piece(first: firstItem[p], items: piece.batch.items, width: D))
                    loss.run(
                        piece, of: batch, parameters, states: space.stream.pointer, units: units, negatives: packed,
                        found)
                    sums[p] = loss.sums
                    NetworkBackward(network).run(
                        piece.batch, mode: mode, space: space, back: back, gradients: gradients, tokens: found.tokens)
                }
            }
        }
        var total: [LossTerm: Double] = [:]
        for sum in sums { for term in LossTerm.allCases { total[term, default: 0] += sum[term] ?? 0 } }
        return total
    }

    /// Per slot: the tokens and negatives that are one item.
    private func gatherSlots(_ batch: TrainingBatch) {
        let D = parameters.settings.width, n = batch.slots.count
        let found = TokensBySlot(batch), gradient = slots.reserve(n * D)
        let negatives = shares.map { UnsafePointer<Float>?($0.negatives.pointer) }
        found.first.withUnsafeBufferPointer { firstToken in
            found.tokens.withUnsafeBufferPointer { token in
                batch.firstPlace.withUnsafeBufferPointer { firstPlace in
                    batch.negativePlaces.withUnsafeBufferPointer { place in
                        let sums = SlotGradients(
                            width: D,
                            tokens: SlotGradients.Rows(first: firstToken.baseAddress!, rows: token.baseAddress),
                            places: SlotGradients.Rows(first: firstPlace.baseAddress!, rows: place.baseAddress),
                            inputs: tokens.inputs.pointer, targets: tokens.targets.pointer,
                            units: vectors.units.pointer, norms: vectors.norms.pointer)
                        let ranges = 32
                        pool.forEach(ranges) { range, _ in
                            sums.run(
                                n * range / ranges..<n * (range + 1) / ranges, negatives: negatives, into: gradient)
                        }
                    }
                }
            }
        }
    }
}

/// Which tokens of a batch hold each slot, in order.
private struct TokensBySlot {
    private(set) var first: [Int32]
    private(set) var tokens: [Int32]

    init(_ batch: TrainingBatch) {
        first = Array(repeating: 0, count: batch.slots.count + 1)
        for piece in batch.pieces { for slot in piece.batch.item { first[Int(slot) + 1] += 1 } }
        for s in batch.slots.indices { first[s + 1] += first[s] }
        var next = first, token: Int32 = 0
        tokens = Array(repeating: 0, count: Int(first[batch.slots.count]))
        for piece in batch.pieces {
            for slot in piece.batch.item {
                tokens[Int(next[Int(slot)])] = token
                next[Int(slot)] += 1
                token += 1
            }
        }
    }
}
