import Model
import Tensors

/// The backward pass of ``NextSessionNetwork``, block by block from the last one; each step quotes what it undoes.
struct NetworkBackward {
    let parameters: ModelParameters
    private var settings: ModelSettings { parameters.settings }
    private var layout: ParameterLayout { parameters.layout }
    private var D: Int { settings.width }

    init(_ parameters: ModelParameters) { self.parameters = parameters }

    /// From the gradient of the context states (in `back.stream`, rows `0 ..< C`) to that of every parameter and input.
    ///
    /// - Parameters:
    ///   - space: as the forward pass left it, in the same mode.
    ///   - back: `stream` holds `[R, D]`; rows of items are zero on entry.
    func run(
        _ batch: PackedBatch, mode: NextSessionNetwork.Mode, space: Workspace, back: BackwardSpace,
        gradients: Gradients
    ) {
        for block in (0..<settings.blocks).reversed() {
            run(block: block, batch, mode, space, back, gradients.dense.pointer)
        }
        tower(batch, mode, space, back, gradients)
    }

    private func run(
        block: Int, _ batch: PackedBatch, _ mode: NextSessionNetwork.Mode, _ space: Workspace, _ back: BackwardSpace,
        _ dense: Floats
    ) {
        let at = layout.blocks[block], layer = space.layer(block, keepsActivations: true)
        let isLast = block == settings.blocks - 1
        let outRows = isLast ? batch.contexts : batch.rows
        let dx = back.stream.pointer
        let dActive = back.active.zeros(batch.rows * 4 * D)

        // x' = x + gated · W_o + b_o
        addColumnSums(dx, rows: outRows, to: dense + at.outputBias)
        multiply(
            Operand(layer.gated.pointer, stride: D, transposed: true), Operand(dx, stride: D), into: dense + at.output,
            stride: D, rows: D, columns: D, inner: outRows, keep: 1)
        let dGated = back.gated.reserve(outRows * D)
        multiply(
            Operand(dx, stride: D), Operand(parameters.dense.pointer + at.output, stride: D, transposed: true),
            into: dGated, stride: D, rows: outRows, columns: D, inner: D)

        // gated = dropout(gate ⊙ LN(attended))
        Kernels.dropout(dGated, count: outRows * D, seed: mode.mask(block + 1), dropped: mode.dropout)
        for row in 0..<outRows {
            let gradient = dGated + row * D
            Kernels.multiply(
                gradient, layer.attendedNormed.pointer + row * D, into: dActive + row * 4 * D, count: D)
            Kernels.multiply(
                gradient, layer.active.pointer + row * 4 * D, into: layer.gated.pointer + row * D, count: D)
        }
        // The gated values are spent: their place now holds the gradient of LN(attended).
        let dAttended = back.attended.zeros(outRows * D)
        Kernels.layerNormBackward(
            layer.attendedNormed.pointer, inverseDeviation: layer.attendedInverse.pointer, layer.gated.pointer,
            addingTo: dAttended, rows: outRows, width: D)

        // attended = attention(query, key, value)
        let attention = AttentionBackward(
            forward: SessionAttention(
                settings, batch, active: layer.active.pointer, timeBias: parameters.dense.pointer + at.timeBias),
            outputGradient: dAttended, activeGradient: dActive, biasGradient: dense + at.timeBias)
        for user in 0..<batch.users {
            for tile in SessionAttention.tiles(batch, user: user, contexts: true, items: !isLast) {
                attention.run(tile, space: back)
            }
        }
        for part in [2, 3] {
            let rows = part == 2 && isLast ? batch.contexts : batch.rows
            rotateParts(dActive + part * D, rows: rows, batch, space.rotation, direction: -1, settings)
        }
        projection(at, isLast: isLast, batch, layer, back, dense)

        // normed = LN(x), x being the residual stream itself
        Kernels.layerNormBackward(
            layer.normed.pointer, inverseDeviation: layer.inverseDeviation.pointer, back.gated.pointer, addingTo: dx,
            rows: batch.rows, width: D)
    }

    /// `active = silu(normed · W)`: leaves the gradient of `normed` in `back.gated` `[R, D]`.
    private func projection(
        _ at: ParameterLayout.Block, isLast: Bool, _ batch: PackedBatch, _ layer: Workspace.Layer,
        _ back: BackwardSpace, _ dense: Floats
    ) {
        let C = batch.contexts, normed = layer.normed.pointer
        let dRaw = back.raw.reserve(batch.rows * 4 * D), dNormed = back.gated.reserve(batch.rows * D)
        func step(_ first: Int, _ rows: Int, kind: Int, part: Int, parts: Int, keep: Float) {
            let offset = at.projection + (at.isTokenSpecific ? kind * 4 * D * D : 0) + part * D
            let gradient = dRaw + first * 4 * D + part * D
            multiply(
                Operand(normed + first * D, stride: D, transposed: true), Operand(gradient, stride: 4 * D),
                into: dense + offset, stride: 4 * D, rows: D, columns: parts * D, inner: rows, keep: 1)
            multiply(
                Operand(gradient, stride: 4 * D),
                Operand(parameters.dense.pointer + offset, stride: 4 * D, transposed: true), into: dNormed + first * D,
                stride: D, rows: rows, columns: D, inner: parts * D, keep: keep)
        }
        let raw = layer.raw.pointer, dActive = back.active.pointer
        Kernels.siluBackward(raw, dActive, into: dRaw, count: C * 4 * D)
        step(0, C, kind: 0, part: 0, parts: 4, keep: 0)
        guard isLast else {
            Kernels.siluBackward(
                raw + C * 4 * D, dActive + C * 4 * D, into: dRaw + C * 4 * D, count: batch.items * 4 * D)
            step(C, batch.items, kind: 1, part: 0, parts: 4, keep: 0)
            return
        }
        for row in C..<batch.rows {
            for part in [1, 3] {
                let place = (row * 4 + part) * D
                Kernels.siluBackward(raw + place, dActive + place, into: dRaw + place, count: D)
            }
        }
        step(C, batch.items, kind: 1, part: 1, parts: 1, keep: 0)
        step(C, batch.items, kind: 1, part: 3, parts: 1, keep: 1)
    }

    /// `stream = dropout(input · tower + bias)`, then the sums of embeddings.
    private func tower(
        _ batch: PackedBatch, _ mode: NextSessionNetwork.Mode, _ space: Workspace, _ back: BackwardSpace,
        _ gradients: Gradients
    ) {
        let C = batch.contexts, dx = back.stream.pointer, dense = gradients.dense.pointer
        Kernels.dropout(dx, count: batch.rows * D, seed: mode.mask(0), dropped: mode.dropout)
        let dInput = back.gated.reserve(batch.rows * D)
        for (kind, first, count) in [(0, 0, C), (1, C, batch.items)] {
            let offset = layout.tower + kind * D * D
            addColumnSums(dx + first * D, rows: count, to: dense + layout.towerBias + kind * D)
            multiply(
                Operand(space.input.pointer + first * D, stride: D, transposed: true),
                Operand(dx + first * D, stride: D),
                into: dense + offset, stride: D, rows: D, columns: D, inner: count, keep: 1)
            multiply(
                Operand(dx + first * D, stride: D),
                Operand(parameters.dense.pointer + offset, stride: D, transposed: true), into: dInput + first * D,
                stride: D, rows: count, columns: D, inner: D)
        }
        for i in 0..<batch.items {
            let row = dInput + (C + i) * D
            (gradients.inputs.pointer + i * D).update(from: row, count: D)
            Kernels.add(row, to: dense + layout.action + Int(batch.action[i]) * D, count: D)
            // An item's token carries its session's context fields too.
            Kernels.add(row, to: dInput + Int(batch.contextOfRow[C + i]) * D, count: D)
        }
        for c in 0..<C {
            let row = dInput + c * D
            Kernels.add(row, to: dense + layout.scene + Int(batch.scene[c]) * D, count: D)
            Kernels.add(row, to: dense + layout.gap + Int(batch.gapBucket[c]) * D, count: D)
            Kernels.add(row, to: dense + layout.hour + Int(batch.hour[c]) * D, count: D)
        }
    }

    private func addColumnSums(_ x: Floats, rows: Int, to out: Floats) {
        for row in 0..<rows { Kernels.add(x + row * D, to: out, count: D) }
    }
}
