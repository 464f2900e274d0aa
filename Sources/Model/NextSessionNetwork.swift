import Tensors

/// The forward pass: a packed batch of histories to the state of every context token.
///
/// Agrees with the reference (`tbgrecall.py`) to 1e-4. Sources: TBGRecall (arXiv:2508.11977) for tokens, mask, rotation
/// and token-specific projections; HSTU (arXiv:2402.17152) for the block.
package struct NextSessionNetwork: Sendable {
    /// How to run: training keeps activations and drops out; inference computes just the rows that a query needs.
    package struct Mode: Sendable {
        package var keepsActivations: Bool
        package var dropout: Float
        package var seed: UInt64

        package static let inference = Mode(keepsActivations: false, dropout: 0, seed: 0)
        /// All context states, nothing dropped: evaluation of the loss, and parity tests.
        package static let exact = Mode(keepsActivations: true, dropout: 0, seed: 0)
        package static func training(dropout: Float, seed: UInt64) -> Mode {
            Mode(keepsActivations: true, dropout: dropout, seed: seed)
        }

        /// The seed of one dropout mask.
        package func mask(_ place: Int) -> UInt64 {
            seed &* 0x9e37_79b9_7f4a_7c15 &+ UInt64(place) &* 0xd134_2543_de82_ef95
        }
    }

    package let parameters: ModelParameters
    private let settings: ModelSettings
    private let layout: ParameterLayout

    package init(_ parameters: ModelParameters) {
        self.parameters = parameters
        settings = parameters.settings
        layout = parameters.layout
    }

    /// Runs all blocks; the first `batch.contexts` rows of `space.stream` are then the context states `[C, D]` (in
    /// inference mode only the last one of each user means anything).
    ///
    /// - Parameter embeddings: `[*, D]`, summed item, category and seller rows, indexed by `batch.item`.
    package func run(_ batch: PackedBatch, embeddings: Floats, mode: Mode, space: Workspace) {
        space.prepare(settings, sessions: batch.longest, keepsActivations: mode.keepsActivations)
        embed(batch, embeddings: embeddings, into: space.input)
        tower(batch, mode, space)
        for block in 0..<settings.blocks { run(block: block, batch, mode, space) }
    }

    /// `[R, D]`: context fields for every token of the session, item fields on top for its items.
    private func embed(_ batch: PackedBatch, embeddings: Floats, into input: FloatBuffer) {
        let D = settings.width, C = batch.contexts
        let x = input.reserve(batch.rows * D)
        let dense = parameters.dense.pointer
        for c in 0..<C {
            let row = x + c * D
            row.update(from: dense + layout.scene + Int(batch.scene[c]) * D, count: D)
            Kernels.add(dense + layout.gap + Int(batch.gapBucket[c]) * D, to: row, count: D)
            Kernels.add(dense + layout.hour + Int(batch.hour[c]) * D, to: row, count: D)
        }
        for i in 0..<batch.items {
            let row = x + (C + i) * D
            row.update(from: x + Int(batch.contextOfRow[C + i]) * D, count: D)
            Kernels.add(embeddings + Int(batch.item[i]) * D, to: row, count: D)
            Kernels.add(dense + layout.action + Int(batch.action[i]) * D, to: row, count: D)
        }
    }

    /// One linear map per kind of token.
    private func tower(_ batch: PackedBatch, _ mode: Mode, _ space: Workspace) {
        let D = settings.width, C = batch.contexts
        let out = space.stream.reserve(batch.rows * D)
        for (kind, first, count) in [(0, 0, C), (1, C, batch.items)] {
            fill(out + first * D, with: parameters.dense.pointer + layout.towerBias + kind * D, rows: count, width: D)
            multiply(
                Operand(space.input.pointer + first * D, stride: D),
                Operand(parameters.dense.pointer + layout.tower + kind * D * D, stride: D),
                into: out + first * D, stride: D, rows: count, columns: D, inner: D, keep: 1)
        }
        Kernels.dropout(out, count: batch.rows * D, seed: mode.mask(0), dropped: mode.dropout)
    }

    /// `x + W_o · dropout(gate ⊙ LN(attention))` for one HSTU block; the last one updates context rows only.
    private func run(block: Int, _ batch: PackedBatch, _ mode: Mode, _ space: Workspace) {
        let D = settings.width, isLast = block == settings.blocks - 1
        let at = layout.blocks[block], layer = space.layer(block, keepsActivations: mode.keepsActivations)
        let outRows = isLast ? batch.contexts : batch.rows
        Kernels.layerNorm(
            space.stream.pointer, into: layer.normed.reserve(batch.rows * D),
            inverseDeviation: layer.inverseDeviation.reserve(batch.rows), rows: batch.rows, width: D,
            epsilon: settings.epsilon)
        project(at, isLast: isLast, batch, layer)
        rotate(batch, isLast: isLast, layer, space)

        let attention = SessionAttention(
            settings, batch, active: layer.active.pointer, timeBias: parameters.dense.pointer + at.timeBias)
        let attended = layer.attended.reserve(outRows * D)
        let onlyRequests = isLast && !mode.keepsActivations
        if onlyRequests { attended.update(repeating: 0, count: outRows * D) }
        for user in 0..<batch.users {
            let tiles = SessionAttention.tiles(
                batch, user: user, contexts: true, items: !isLast, lastContextOnly: onlyRequests)
            for tile in tiles { attention.attend(tile, into: attended, scores: space.scores, bias: space.bias) }
        }

        let normed = layer.attendedNormed.reserve(outRows * D), gated = layer.gated.reserve(outRows * D)
        Kernels.layerNorm(
            attended, into: normed, inverseDeviation: layer.attendedInverse.reserve(outRows), rows: outRows, width: D,
            epsilon: settings.epsilon)
        for row in 0..<outRows {
            Kernels.multiply(layer.active.pointer + row * 4 * D, normed + row * D, into: gated + row * D, count: D)
        }
        Kernels.dropout(gated, count: outRows * D, seed: mode.mask(block + 1), dropped: mode.dropout)
        for row in 0..<outRows {
            Kernels.add(parameters.dense.pointer + at.outputBias, to: space.stream.pointer + row * D, count: D)
        }
        multiply(
            Operand(gated, stride: D), Operand(parameters.dense.pointer + at.output, stride: D),
            into: space.stream.pointer, stride: D, rows: outRows, columns: D, inner: D, keep: 1)
    }

    /// `silu(LN(x) · W_uvqk)`; item rows of the last block need value and key only.
    private func project(_ at: ParameterLayout.Block, isLast: Bool, _ batch: PackedBatch, _ layer: Workspace.Layer) {
        let D = settings.width, C = batch.contexts
        let raw = layer.raw.reserve(batch.rows * 4 * D), active = layer.active.reserve(batch.rows * 4 * D)
        let normed = layer.normed.pointer
        func product(_ first: Int, _ rows: Int, kind: Int, part: Int, parts: Int) {
            let weights = parameters.dense.pointer + at.projection + (at.isTokenSpecific ? kind * 4 * D * D : 0)
            multiply(
                Operand(normed + first * D, stride: D), Operand(weights + part * D, stride: 4 * D),
                into: raw + first * 4 * D + part * D, stride: 4 * D, rows: rows, columns: parts * D, inner: D)
        }
        product(0, C, kind: 0, part: 0, parts: 4)
        Kernels.silu(raw, into: active, count: C * 4 * D)
        guard isLast else {
            product(C, batch.items, kind: 1, part: 0, parts: 4)
            Kernels.silu(raw + C * 4 * D, into: active + C * 4 * D, count: batch.items * 4 * D)
            return
        }
        product(C, batch.items, kind: 1, part: 1, parts: 1)
        product(C, batch.items, kind: 1, part: 3, parts: 1)
        for row in C..<batch.rows {
            Kernels.silu(raw + (row * 4 + 1) * D, into: active + (row * 4 + 1) * D, count: D)
            Kernels.silu(raw + (row * 4 + 3) * D, into: active + (row * 4 + 3) * D, count: D)
        }
    }

    private func rotate(_ batch: PackedBatch, isLast: Bool, _ layer: Workspace.Layer, _ space: Workspace) {
        for (part, rows) in [(2, isLast ? batch.contexts : batch.rows), (3, batch.rows)] {
            rotateParts(
                layer.active.pointer + part * settings.width, rows: rows, batch, space.rotation, direction: 1, settings)
        }
    }
}

/// Rotates one part (query or key) of the first `rows` rows of a `[R, 4D]` matrix.
package func rotateParts(
    _ start: Floats, rows: Int, _ batch: PackedBatch, _ rotation: RotationTable, direction: Float,
    _ settings: ModelSettings
) {
    batch.sessionOfRow.withUnsafeBufferPointer { sessions in
        guard let session = sessions.baseAddress else { return }
        Kernels.rotate(
            start, stride: 4 * settings.width, session: session, rows: rows, heads: settings.heads,
            headWidth: settings.width / settings.heads, cosines: rotation.cosines.pointer,
            sines: rotation.sines.pointer, direction: direction)
    }
}

private func fill(_ out: Floats, with row: Floats, rows: Int, width: Int) {
    for r in 0..<rows { (out + r * width).update(from: row, count: width) }
}
