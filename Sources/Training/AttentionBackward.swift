import Model
import Tensors

/// Gradient of ``SessionAttention``. Scores are computed again, tile by tile, instead of being kept.
///
/// Forward, per head: `z = q·k + bias`, `a = silu(z) / norm`, `out = Σ a v`.
/// Back: `dv += aᵀ dout`; `da = dout vᵀ`; `dz = da · silu'(z) / norm`; `dq = dz k`; `dk += dzᵀ q`;
/// `dbias[bucket] += dz`, summed over the items of a session first, because they share a bucket.
struct AttentionBackward {
    let forward: SessionAttention
    /// `[R, D]`: gradient of the attention output.
    let outputGradient: Floats
    /// `[R, 4D]`: gradient of gate, value, query, key after SiLU and rotation; values and keys are added to.
    let activeGradient: Floats
    /// `[H, buckets]`, added to.
    let biasGradient: Floats

    func run(_ tile: SessionAttention.Tile, space: BackwardSpace) {
        let s = forward.settings, batch = forward.batch, D = s.width
        let scores = space.scores.reserve(tile.rows * tile.width)
        let weights = space.weights.reserve(tile.rows * tile.width)
        let bias = space.bias.reserve(tile.width)
        for head in 0..<s.heads {
            let out = outputGradient + tile.firstRow * D + head * forward.headWidth
            forward.rawScores(tile, head: head, into: scores)
            forward.products(tile, out, D, .value, head, weights)
            forward.forEachRow(tile, head: head, bias: bias) { row, contexts, items in
                for (start, seen, all) in [(0, contexts, tile.contexts), (tile.contexts, items, tile.items)] {
                    let a = scores + row * tile.width + start, dz = weights + row * tile.width + start
                    Kernels.biasedSiluBackward(
                        a, gradient: dz, bias: bias + start, count: seen, scale: forward.scale)
                    (a + seen).update(repeating: 0, count: all - seen)
                    (dz + seen).update(repeating: 0, count: all - seen)
                }
            }
            addBias(tile, head: head, weights, space, batch)
            addKeysAndValues(tile, head: head, out, scores: scores, scoreGradient: weights)
            if tile.isOfItems { addSelf(tile, head: head) }
        }
    }

    private func addBias(
        _ tile: SessionAttention.Tile, head: Int, _ scoreGradient: Floats, _ space: BackwardSpace, _ batch: PackedBatch
    ) {
        let table = biasGradient + head * forward.settings.timeBuckets
        let sums = space.sums.zeros(tile.contexts)
        var begin = 0
        while begin < tile.rows {
            let context = batch.contextOfRow[tile.firstRow + begin]
            let seen = Int(context) - tile.firstContext + 1
            var end = begin
            while end < tile.rows, batch.contextOfRow[tile.firstRow + end] == context {
                let row = scoreGradient + end * tile.width
                Kernels.add(row, to: sums, count: seen)
                batch.firstItem.withUnsafeBufferPointer { starts in
                    Kernels.runSums(
                        row + tile.contexts, starts: starts.baseAddress! + tile.firstContext, runs: seen - 1,
                        addingTo: sums)
                }
                end += 1
            }
            let buckets = tile.firstPair + (seen - 1) * tile.sessions
            for k in 0..<seen { table[Int(batch.pairBucket[buckets + k])] += sums[k] }
            sums.update(repeating: 0, count: seen)
            begin = end
        }
    }

    private func addKeysAndValues(
        _ tile: SessionAttention.Tile, head: Int, _ out: Floats, scores: Floats, scoreGradient: Floats
    ) {
        let D = forward.settings.width, d = forward.headWidth, stride = 4 * D
        let queries = forward.start(forward.active, .query, row: tile.firstRow, head: head)
        let queryGradient = forward.start(activeGradient, .query, row: tile.firstRow, head: head)
        var keep: Float = 0
        for (column, keys, row) in [
            (0, tile.contexts, tile.firstContext), (tile.contexts, tile.items, forward.batch.contexts + tile.firstItem),
        ] where keys > 0 {
            multiply(
                Operand(scoreGradient + column, stride: tile.width),
                Operand(forward.start(forward.active, .key, row: row, head: head), stride: stride),
                into: queryGradient, stride: stride, rows: tile.rows, columns: d, inner: keys, keep: keep)
            multiply(
                Operand(scoreGradient + column, stride: tile.width, transposed: true), Operand(queries, stride: stride),
                into: forward.start(activeGradient, .key, row: row, head: head), stride: stride, rows: keys, columns: d,
                inner: tile.rows, keep: 1)
            multiply(
                Operand(scores + column, stride: tile.width, transposed: true), Operand(out, stride: D),
                into: forward.start(activeGradient, .value, row: row, head: head), stride: stride, rows: keys,
                columns: d, inner: tile.rows, keep: 1)
            keep = 1
        }
    }

    /// The diagonal term of item tokens.
    private func addSelf(_ tile: SessionAttention.Tile, head: Int) {
        let D = forward.settings.width, d = forward.headWidth
        let table = head * forward.settings.timeBuckets
        var zero: Float = 0
        for row in tile.firstRow..<tile.firstRow + tile.rows {
            let q = forward.start(forward.active, .query, row: row, head: head)
            let k = forward.start(forward.active, .key, row: row, head: head)
            let v = forward.start(forward.active, .value, row: row, head: head)
            let out = outputGradient + row * D + head * d
            var weight = forward.timeBias[table] + Kernels.dot(q, k, count: d)
            var gradient = Kernels.dot(out, v, count: d)
            Kernels.biasedSiluBackward(&weight, gradient: &gradient, bias: &zero, count: 1, scale: forward.scale)
            biasGradient[table] += gradient
            Kernels.add(k, times: gradient, to: forward.start(activeGradient, .query, row: row, head: head), count: d)
            Kernels.add(q, times: gradient, to: forward.start(activeGradient, .key, row: row, head: head), count: d)
            Kernels.add(out, times: weight, to: forward.start(activeGradient, .value, row: row, head: head), count: d)
        }
    }
}
