import Tensors

/// Pointwise attention under the session mask, over packed rows.
///
/// `out[t] = Σ_s visible[t, s] · silu(q[t] · k[s] + bias[bucket(time_t - time_s)]) / norm · v[s]`, per head.
/// A token sees its user's earlier sessions, its own context token and itself. In the order of ``PackedBatch`` that is a
/// prefix of the user's contexts, a prefix of the user's items, and one diagonal term: no mask is ever built, tiles above
/// the prefix are never computed, and a bias row is filled once per session.
/// Source: Zhai et al. 2024 (HSTU), arXiv:2402.17152; session mask of TBGRecall, arXiv:2508.11977.
package struct SessionAttention {
    package static let tileRows = 64

    /// Up to ``tileRows`` rows of one user and one kind, and the keys that any of them may see.
    package struct Tile {
        package let firstRow: Int
        package let rows: Int
        /// First context row of the user, contexts visible to the tile's last row.
        package let firstContext: Int
        package let contexts: Int
        /// First item of the user (from the batch's first item), items visible to the tile's last row.
        package let firstItem: Int
        package let items: Int
        package let isOfItems: Bool
        package let firstPair: Int
        package let sessions: Int
        package var width: Int { contexts + items }
    }

    /// Tiles of one user's rows. `lastContextOnly` leaves just the request's row (inference, last block).
    package static func tiles(
        _ batch: PackedBatch, user: Int, contexts: Bool, items: Bool, lastContextOnly: Bool = false
    ) -> [Tile] {
        let c0 = Int(batch.firstContext[user]), c1 = Int(batch.firstContext[user + 1])
        let i0 = Int(batch.firstItem[c0]), i1 = Int(batch.firstItem[c1])
        var tiles: [Tile] = []
        func add(_ begin: Int, _ end: Int, offset: Int, isOfItems: Bool) {
            for row in stride(from: begin, to: end, by: tileRows) {
                let count = min(tileRows, end - row)
                let last = Int(batch.contextOfRow[offset + row + count - 1])
                tiles.append(
                    Tile(
                        firstRow: offset + row, rows: count, firstContext: c0, contexts: last - c0 + 1, firstItem: i0,
                        items: Int(batch.firstItem[last]) - i0, isOfItems: isOfItems, firstPair: batch.firstPair[user],
                        sessions: c1 - c0))
            }
        }
        if contexts { add(lastContextOnly ? c1 - 1 : c0, c1, offset: 0, isOfItems: false) }
        if items { add(i0, i1, offset: batch.contexts, isOfItems: true) }
        return tiles
    }

    package let settings: ModelSettings
    package let batch: PackedBatch
    /// `[R, 4D]`: gate, value, query, key, after SiLU and rotation.
    package let active: Floats
    /// `[H, buckets]`.
    package let timeBias: Floats

    package init(_ settings: ModelSettings, _ batch: PackedBatch, active: Floats, timeBias: Floats) {
        self.settings = settings
        self.batch = batch
        self.active = active
        self.timeBias = timeBias
    }

    package var headWidth: Int { settings.width / settings.heads }
    package var scale: Float { 1 / Float(settings.attentionNorm) }

    package enum Part: Int { case gate = 0, value, query, key }

    /// Where one head of one part of a row begins in a `[R, 4D]` matrix.
    package func start(_ base: Floats, _ part: Part, row: Int, head: Int) -> Floats {
        base + row * 4 * settings.width + part.rawValue * settings.width + head * headWidth
    }

    /// Attends all heads of a tile; `out` is `[R, D]`.
    func attend(_ tile: Tile, into out: Floats, scores: FloatBuffer, bias: FloatBuffer) {
        let scratch = scores.reserve(tile.rows * tile.width)
        let biasRow = bias.reserve(tile.width)
        for head in 0..<settings.heads {
            rawScores(tile, head: head, into: scratch)
            forEachRow(tile, head: head, bias: biasRow) { row, contexts, items in
                let s = scratch + row * tile.width
                Kernels.biasedSilu(s, bias: biasRow, count: contexts, scale: scale)
                (s + contexts).update(repeating: 0, count: tile.contexts - contexts)
                Kernels.biasedSilu(s + tile.contexts, bias: biasRow + tile.contexts, count: items, scale: scale)
                (s + tile.contexts + items).update(repeating: 0, count: tile.items - items)
            }
            weightedSum(tile, head: head, .value, weights: scratch, into: out)
            if tile.isOfItems { addSelf(tile, head: head, into: out) }
        }
    }

    /// `scores[rows, width] = Q · Kᵀ` of a tile, contexts first.
    package func rawScores(_ tile: Tile, head: Int, into scores: Floats) {
        products(tile, start(active, .query, row: tile.firstRow, head: head), 4 * settings.width, .key, head, scores)
    }

    /// `scores[rows, width] = left · partᵀ`, `left` being `[rows, headWidth]`.
    package func products(
        _ tile: Tile, _ left: Floats, _ leftStride: Int, _ part: Part, _ head: Int, _ scores: Floats
    ) {
        let stride = 4 * settings.width
        multiply(
            Operand(left, stride: leftStride),
            Operand(start(active, part, row: tile.firstContext, head: head), stride: stride, transposed: true),
            into: scores, stride: tile.width, rows: tile.rows, columns: tile.contexts, inner: headWidth)
        multiply(
            Operand(left, stride: leftStride),
            Operand(
                start(active, part, row: batch.contexts + tile.firstItem, head: head), stride: stride, transposed: true),
            into: scores + tile.contexts, stride: tile.width, rows: tile.rows, columns: tile.items, inner: headWidth)
    }

    /// `out[rows, headWidth] = weights · part`, `out` being `[R, D]`.
    func weightedSum(_ tile: Tile, head: Int, _ part: Part, weights: Floats, into out: Floats) {
        let stride = 4 * settings.width
        let target = out + tile.firstRow * settings.width + head * headWidth
        multiply(
            Operand(weights, stride: tile.width),
            Operand(start(active, part, row: tile.firstContext, head: head), stride: stride),
            into: target, stride: settings.width, rows: tile.rows, columns: headWidth, inner: tile.contexts)
        guard tile.items > 0 else { return }
        multiply(
            Operand(weights + tile.contexts, stride: tile.width),
            Operand(start(active, part, row: batch.contexts + tile.firstItem, head: head), stride: stride),
            into: target, stride: settings.width, rows: tile.rows, columns: headWidth, inner: tile.items, keep: 1)
    }

    /// Visits the tile's rows with how many contexts and items each sees; `bias` holds the row's biases, contexts from 0,
    /// items from `tile.contexts`, refilled only where the session changes.
    package func forEachRow(
        _ tile: Tile, head: Int, bias: Floats, _ body: (_ row: Int, _ contexts: Int, _ items: Int) -> Void
    ) {
        let table = timeBias + head * settings.timeBuckets
        var session = -1
        for row in 0..<tile.rows {
            let context = Int(batch.contextOfRow[tile.firstRow + row])
            let contexts = context - tile.firstContext + 1
            if context != session {
                session = context
                let buckets = tile.firstPair + (contexts - 1) * tile.sessions
                for k in 0..<contexts { bias[k] = table[Int(batch.pairBucket[buckets + k])] }
                for k in 0..<contexts - 1 {
                    let begin = Int(batch.firstItem[tile.firstContext + k]) - tile.firstItem
                    let end = Int(batch.firstItem[tile.firstContext + k + 1]) - tile.firstItem
                    (bias + tile.contexts + begin).update(repeating: bias[k], count: end - begin)
                }
            }
            body(row, contexts, Int(batch.firstItem[context]) - tile.firstItem)
        }
    }

    /// The diagonal: an item token also reads itself, at time difference 0.
    private func addSelf(_ tile: Tile, head: Int, into out: Floats) {
        var zero: Float = 0
        let bias = timeBias[head * settings.timeBuckets]
        for row in tile.firstRow..<tile.firstRow + tile.rows {
            var weight =
                bias
                + Kernels.dot(
                    start(active, .query, row: row, head: head), start(active, .key, row: row, head: head),
                    count: headWidth)
            Kernels.biasedSilu(&weight, bias: &zero, count: 1, scale: scale)
            Kernels.add(
                start(active, .value, row: row, head: head), times: weight,
                to: out + row * settings.width + head * headWidth, count: headWidth)
        }
    }
}
