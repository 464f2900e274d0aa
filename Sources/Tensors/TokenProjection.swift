import CKernels

/// `silu(LN(row) · W)` of rows that are sums of table rows, without a product per row.
///
/// A layer norm subtracts a mean, which is linear, and divides by a deviation, which is one number a row. So the tables go
/// through `W` once, less their means, and a row adds up what came of its parts and divides. Of HSTU's first block
/// (arXiv:2402.17152) this leaves the additions: a third of all arithmetic of two blocks at 256 tokens and width 64.
package struct TokenProjection: @unchecked Sendable {
    package let width: Int
    package let columns: Int
    private let epsilon: Float

    /// - Parameters:
    ///   - width: `D`, floats of a row.
    ///   - columns: of `W`.
    ///   - epsilon: of the layer norm.
    package init(width: Int, columns: Int, epsilon: Float) {
        self.width = width
        self.columns = columns
        self.epsilon = epsilon
    }

    /// A table's rows `[rows, D]`, each behind what came of it: `[rows, columns + D]`.
    package func table(_ rows: Floats, count: Int, matrix: PackedMatrix, pool: WorkerPool) -> FloatBuffer {
        let stride = columns + width, out = FloatBuffer(count * stride), piece = 512
        pool.forEach((count + piece - 1) / piece) { number, _ in
            let first = number * piece, some = min(piece, count - first), centred = FloatBuffer(some * width)
            for row in 0..<some {
                let from = rows + (first + row) * width, to = centred.pointer + row * width
                var mean: Float = 0
                for i in 0..<width { mean += from[i] }
                mean /= Float(width)
                for i in 0..<width { to[i] = from[i] - mean }
                (out.pointer + (first + row) * stride + columns).update(from: from, count: width)
            }
            matrix.multiply(
                centred.pointer, stride: width, rows: some, into: out.pointer + first * stride, stride: stride)
        }
        return out
    }

    /// Of `count` rows that are there; `projected` `[count, columns]` holds the sums of their parts and gets the result.
    package func finish(_ rows: Floats, count: Int, inPlace projected: Floats) {
        var kernel = nearline_embedding()
        (kernel.width, kernel.columns, kernel.epsilon) = (width, columns, epsilon)
        nearline_embed_contexts(&kernel, rows, projected, count)
    }

    /// The tokens `range`, each `shared + items[item] + actions[action]` of such tables, into `rows` `[*, D]` and `projected`
    /// `[*, columns]`.
    package func embed(
        _ range: Range<Int>, shared: Floats, items: Floats, item: UnsafeBufferPointer<Int32>, actions: Floats,
        action: UnsafeBufferPointer<UInt8>, into rows: Floats, projected: Floats
    ) {
        var kernel = nearline_embedding(
            width: width, columns: columns, epsilon: epsilon, items: items, actions: actions, shared: shared)
        nearline_embed_items(
            &kernel, item.baseAddress!, action.baseAddress!, range.lowerBound, range.upperBound, item.count, rows,
            projected)
    }
}
