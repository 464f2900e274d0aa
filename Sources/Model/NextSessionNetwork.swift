import Tensors

/// The forward pass that training needs: a packed batch of histories to the state of every context token, all kept for the
/// way back. ``FrozenNetwork`` makes queries.
///
/// Agrees with the reference (`tbgrecall.py`) to 1e-4. Sources: TBGRecall (arXiv:2508.11977) for tokens, mask, rotation
/// and token-specific projections; HSTU (arXiv:2402.17152) for the block.
package struct NextSessionNetwork: Sendable {
    /// What training adds to the arithmetic.
    package struct Mode: Sendable {
        /// What is dropped.
        package var dropout: Float
        package var seed: UInt64
        /// How much it counts that a piece's experts are used alike.
        package var balance: Float

        package init(dropout: Float, seed: UInt64, balance: Float = 0) {
            self.dropout = dropout
            self.seed = seed
            self.balance = balance
        }

        /// Nothing: evaluation of the loss, and parity tests.
        package static let exact = Mode(dropout: 0, seed: 0)

        /// The seed of one dropout mask.
        package func mask(_ place: Int) -> UInt64 {
            seed &* 0x9e37_79b9_7f4a_7c15 &+ UInt64(place) &* 0xd134_2543_de82_ef95
        }
    }

    package let parameters: ModelParameters
    package let weights: PackedWeights
    private let settings: ModelSettings
    private let layout: ParameterLayout

    package init(_ parameters: ModelParameters) {
        self.parameters = parameters
        weights = PackedWeights(parameters)
        settings = parameters.settings
        layout = parameters.layout
    }

    /// Runs all blocks; the first `batch.contexts` rows of `space.stream` are then the context states `[C, D]`.
    ///
    /// - Parameter embeddings: `[*, D]`, summed item, category and seller rows, indexed by `batch.item`.
    package func run(_ batch: PackedBatch, embeddings: Floats, mode: Mode, space: Workspace) {
        let heads = space.prepare(settings, batch)
        embed(batch, embeddings: embeddings, into: space.input)
        tower(batch, mode, space)
        for block in 0..<settings.blocks { run(block: block, batch, mode, space, heads) }
    }

    /// `[R, D]`: context fields for every token of the session, item fields on top for its items.
    private func embed(_ batch: PackedBatch, embeddings: Floats, into input: FloatBuffer) {
        let D = settings.width, C = batch.contexts
        let x = input.reserve(batch.rows * D)
        let dense = parameters.dense.pointer
        for c in 0..<C {
            let row = x + c * D
            row.update(from: dense + layout.scene + settings.sceneRow(batch.scene[c]) * D, count: D)
            Kernels.add(dense + layout.gap + Int(batch.gapBucket[c]) * D, to: row, count: D)
            Kernels.add(dense + layout.hour + Int(batch.hour[c]) * D, to: row, count: D)
        }
        guard batch.items > 0 else { return }
        batch.item.withUnsafeBufferPointer { item in
            batch.action.withUnsafeBufferPointer { action in
                for c in 0..<C {
                    Kernels.embed(
                        Int(batch.firstItem[c])..<Int(batch.firstItem[c + 1]), shared: x + c * D, items: embeddings,
                        item: item, actions: dense + layout.action, action: action, width: D, into: x + C * D)
                }
            }
        }
    }

    /// One linear map per kind of token.
    private func tower(_ batch: PackedBatch, _ mode: Mode, _ space: Workspace) {
        let D = settings.width, C = batch.contexts
        let out = space.stream.reserve(batch.rows * D)
        for (kind, first, count) in [(0, 0, C), (1, C, batch.items)] {
            weights.towers[kind].forward.multiply(
                space.input.pointer + first * D, stride: D, rows: count,
                bias: parameters.dense.pointer + layout.towerBias + kind * D, into: out + first * D, stride: D)
        }
        Kernels.dropout(out, count: batch.rows * D, seed: mode.mask(0), dropped: mode.dropout)
    }

    /// `x + W_o · dropout(gate ⊙ LN(attention))` for one HSTU block, then its experts; the last one updates context rows only.
    private func run(block: Int, _ batch: PackedBatch, _ mode: Mode, _ space: Workspace, _ heads: HeadAttention) {
        let D = settings.width, isLast = block == settings.blocks - 1
        let at = layout.blocks[block], layer = space.layers[block], packed = weights.blocks[block]
        let outRows = isLast ? batch.contexts : batch.rows
        Kernels.layerNorm(
            space.stream.pointer, into: layer.normed.reserve(batch.rows * D),
            inverseDeviation: layer.inverseDeviation.reserve(batch.rows), rows: batch.rows, width: D,
            epsilon: settings.epsilon)
        project(packed, isLast: isLast, batch, layer)

        let attended = layer.attended.reserve(outRows * D), active = layer.active.pointer
        space.order.forEachUser(batch) { user in
            for head in 0..<settings.heads {
                let column = head * settings.headWidth
                heads.attend(
                    query: active + 2 * D + column, key: active + 3 * D + column, value: active + D + column,
                    stride: 4 * D, user, turns: space.rotation.turns.pointer,
                    bias: parameters.dense.pointer + at.timeBias + head * settings.timeBuckets,
                    asked: isLast ? user.contexts : user.all, into: attended + column, outStride: D)
            }
        }

        let normed = layer.attendedNormed.reserve(outRows * D), gated = layer.gated.reserve(outRows * D)
        Kernels.layerNorm(
            attended, into: normed, inverseDeviation: layer.attendedInverse.reserve(outRows), rows: outRows, width: D,
            epsilon: settings.epsilon)
        Kernels.gate(normed, by: active, stride: 4 * D, into: gated, rows: outRows, width: D)
        Kernels.dropout(gated, count: outRows * D, seed: mode.mask(block + 1), dropped: mode.dropout)
        packed.output.forward.multiply(
            gated, stride: D, rows: outRows, bias: parameters.dense.pointer + at.outputBias, into: space.stream.pointer,
            stride: D, .add)
        packed.experts?.run(space.stream.pointer, rows: outRows, space: layer.experts)
    }

    /// `silu(LN(x) · W_uvqk)`; item rows of the last block need value and key only.
    private func project(_ packed: PackedWeights.Block, isLast: Bool, _ batch: PackedBatch, _ layer: Workspace.Layer) {
        let D = settings.width, C = batch.contexts
        let active = layer.active.reserve(batch.rows * 4 * D), slope = layer.slope.reserve(batch.rows * 4 * D)
        func product(_ weight: PackedWeights.Weight, _ first: Int, _ rows: Int, part: Int) {
            let place = (first * 4 + part) * D
            weight.forward.multiply(
                layer.normed.pointer + first * D, stride: D, rows: rows, into: active + place, keeping: slope + place,
                stride: 4 * D, .siluAndSlope)
        }
        product(packed.contexts, 0, C, part: 0)
        guard isLast else { return product(packed.items, C, batch.items, part: 0) }
        product(packed.itemValue, C, batch.items, part: 1)
        product(packed.itemKey, C, batch.items, part: 3)
    }
}
