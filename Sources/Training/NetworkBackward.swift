import Model
import Tensors

/// The backward pass of ``NextSessionNetwork``, block by block from the last one; each step quotes what it undoes.
struct NetworkBackward {
    let parameters: ModelParameters
    private let weights: PackedWeights
    private var settings: ModelSettings { parameters.settings }
    private var layout: ParameterLayout { parameters.layout }
    private var D: Int { settings.width }

    init(_ network: NextSessionNetwork) {
        parameters = network.parameters
        weights = network.weights
    }

    /// From the gradient of the context states (in `back.stream`, rows `0 ..< C`) to that of every parameter and input.
    ///
    /// - Parameters:
    ///   - space: as the forward pass left it, in the same mode.
    ///   - back: `stream` holds `[R, D]`; rows of items are zero on entry.
    func run(
        _ batch: PackedBatch, mode: NextSessionNetwork.Mode, space: Workspace, back: BackwardSpace,
        gradients: Gradients, tokens: TokenGradients.Piece
    ) {
        for block in (0..<settings.blocks).reversed() {
            run(block: block, batch, mode, space, back, gradients.dense.pointer)
        }
        tower(batch, mode, space, back, gradients.dense.pointer, tokens)
    }

    private func run(
        block: Int, _ batch: PackedBatch, _ mode: NextSessionNetwork.Mode, _ space: Workspace, _ back: BackwardSpace,
        _ dense: Floats
    ) {
        let at = layout.blocks[block], layer = space.layers[block], packed = weights.blocks[block]
        let isLast = block == settings.blocks - 1
        let outRows = isLast ? batch.contexts : batch.rows
        let dx = back.stream.pointer
        if let mixture = packed.experts, let experts = at.experts {
            ExpertGradient(mixture: mixture, at: experts, settings: settings, balance: mode.balance).run(
                dx, rows: outRows, space: layer.experts, back: back.experts, dense: dense)
        }
        let dRaw = back.raw.reserve(batch.rows * 4 * D)

        // x' = x + gated · W_o + b_o
        Kernels.addRows(dx, to: dense + at.outputBias, rows: outRows, width: D)
        addOuter(
            layer.gated.pointer, D, dx, D, rows: outRows, height: D, columns: D, to: dense + at.output, stride: D)
        let dGated = back.gated.reserve(outRows * D)
        packed.output.back.multiply(dx, stride: D, rows: outRows, into: dGated, stride: D)

        // gated = dropout(gate ⊙ LN(attended))
        Kernels.dropout(dGated, count: outRows * D, seed: mode.mask(block + 1), dropped: mode.dropout)
        // The gated values are spent: their place is for the gradient of LN(attended).
        Kernels.gateBackward(
            layer.attendedNormed.pointer, gate: layer.active.pointer, slope: layer.slope.pointer, stride: 4 * D, dGated,
            gateGradient: dRaw, into: layer.gated.pointer, rows: outRows, width: D)
        let dAttended = back.attended.zeros(outRows * D)
        Kernels.layerNormBackward(
            layer.attendedNormed.pointer, inverseDeviation: layer.attendedInverse.pointer, layer.gated.pointer,
            addingTo: dAttended, rows: outRows, width: D)

        // attended = attention(query, key, value)
        let heads = back.heads(settings), slope = layer.slope.pointer
        func column(_ matrix: Floats, _ part: Int, _ head: Int) -> HeadGradient.Column {
            HeadGradient.Column(matrix + part * D + head * settings.headWidth, stride: 4 * D)
        }
        func gradient(_ part: Int, _ head: Int) -> HeadGradient.Gradient {
            HeadGradient.Gradient(column(dRaw, part, head), slope: slope + part * D + head * settings.headWidth)
        }
        let active = layer.active.pointer
        space.order.forEachUser(batch) { user in
            for head in 0..<settings.heads {
                let bias = at.timeBias + head * settings.timeBuckets
                heads.run(
                    user, query: column(active, 2, head), key: column(active, 3, head), value: column(active, 1, head),
                    output: HeadGradient.Column(dAttended + head * settings.headWidth, stride: D),
                    turns: space.rotation.turns.pointer, bias: parameters.dense.pointer + bias,
                    asked: isLast ? user.contexts : user.all, queryGradient: gradient(2, head),
                    keyGradient: gradient(3, head), valueGradient: gradient(1, head),
                    biasGradient: dense + bias)
            }
        }
        projection(at, packed, isLast: isLast, batch, layer, back, dense)

        // normed = LN(x), x being the residual stream itself
        Kernels.layerNormBackward(
            layer.normed.pointer, inverseDeviation: layer.inverseDeviation.pointer, back.gated.pointer, addingTo: dx,
            rows: batch.rows, width: D)
    }

    /// `raw = normed · W`: from the gradient in `back.raw` to that of `normed`, left in `back.gated` `[R, D]`.
    private func projection(
        _ at: ParameterLayout.Block, _ packed: PackedWeights.Block, isLast: Bool, _ batch: PackedBatch,
        _ layer: Workspace.Layer, _ back: BackwardSpace, _ dense: Floats
    ) {
        let C = batch.contexts, normed = layer.normed.pointer
        let dRaw = back.raw.pointer, dNormed = back.gated.reserve(batch.rows * D)
        func step(
            _ weight: PackedWeights.Weight, _ first: Int, _ rows: Int, kind: Int, part: Int, parts: Int,
            _ after: PackedMatrix.After
        ) {
            let offset = at.projection + (at.isTokenSpecific ? kind * 4 * D * D : 0) + part * D
            let gradient = dRaw + (first * 4 + part) * D
            addOuter(
                normed + first * D, D, gradient, 4 * D, rows: rows, height: D, columns: parts * D, to: dense + offset,
                stride: 4 * D)
            weight.back.multiply(gradient, stride: 4 * D, rows: rows, into: dNormed + first * D, stride: D, after)
        }
        step(packed.contexts, 0, C, kind: 0, part: 0, parts: 4, .store)
        guard isLast else { return step(packed.items, C, batch.items, kind: 1, part: 0, parts: 4, .store) }
        step(packed.itemValue, C, batch.items, kind: 1, part: 1, parts: 1, .store)
        step(packed.itemKey, C, batch.items, kind: 1, part: 3, parts: 1, .add)
    }

    /// `stream = dropout(input · tower + bias)`, then the sums of embeddings.
    private func tower(
        _ batch: PackedBatch, _ mode: NextSessionNetwork.Mode, _ space: Workspace, _ back: BackwardSpace,
        _ dense: Floats, _ tokens: TokenGradients.Piece
    ) {
        let C = batch.contexts, dx = back.stream.pointer
        Kernels.dropout(dx, count: batch.rows * D, seed: mode.mask(0), dropped: mode.dropout)
        let dContexts = back.gated.reserve(C * D), dItems = tokens.inputs
        for (kind, first, count, into) in [(0, 0, C, dContexts), (1, C, batch.items, dItems)] {
            let offset = layout.tower + kind * D * D
            Kernels.addRows(dx + first * D, to: dense + layout.towerBias + kind * D, rows: count, width: D)
            addOuter(
                space.input.pointer + first * D, D, dx + first * D, D, rows: count, height: D, columns: D,
                to: dense + offset, stride: D)
            weights.towers[kind].back.multiply(dx + first * D, stride: D, rows: count, into: into, stride: D)
        }
        for i in 0..<batch.items {
            Kernels.add(dItems + i * D, to: dense + layout.action + Int(batch.action[i]) * D, count: D)
        }
        for c in 0..<C {
            let row = dContexts + c * D, items = Int(batch.firstItem[c])..<Int(batch.firstItem[c + 1])
            // An item's token carries its session's context fields too.
            Kernels.addRows(dItems + items.lowerBound * D, to: row, rows: items.count, width: D)
            Kernels.add(row, to: dense + layout.scene + settings.sceneRow(batch.scene[c]) * D, count: D)
            Kernels.add(row, to: dense + layout.gap + Int(batch.gapBucket[c]) * D, count: D)
            Kernels.add(row, to: dense + layout.hour + Int(batch.hour[c]) * D, count: D)
        }
    }
}
