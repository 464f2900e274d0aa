import CKernels

/// The way back through ``HeadAttention``, for one head of one user: weights are computed again, tile by tile, not kept.
///
/// Forward: `z = q·k + bias`, `a = silu(z) · scale`, `out = Σ a v`.
/// Back: `dv += a dout`; `dz = (dout·v) silu'(z) · scale`; `dq += dz k`; `dk += dz q`; `dbias[bucket] += dz`.
package final class HeadGradient {
    /// One head of a matrix: where its column begins, and the floats from row to row.
    package struct Column {
        let start: Floats
        let stride: Int

        package init(_ start: Floats, stride: Int) {
            self.start = start
            self.stride = stride
        }
    }

    /// Where the gradient of one head's column goes, and what it is multiplied by on the way, laid out alike: the slope of
    /// what gave the column.
    package struct Gradient {
        let column: Column
        let slope: Floats

        package init(_ column: Column, slope: Floats) {
            self.column = column
            self.slope = slope
        }
    }

    private let width: Int
    private let scale: Float
    private let columns = (0..<2).map { _ in FloatBuffer() }
    private let rows = (0..<3).map { _ in FloatBuffer() }
    private let gradients = (0..<3).map { _ in FloatBuffer() }
    private let scratch = FloatBuffer()

    package init(width: Int, scale: Float) {
        self.width = width
        self.scale = scale
    }

    /// - Parameters:
    ///   - query, key, value: before turning, rows as in the batch, of one matrix.
    ///   - output: gradient of what attention gave; rows that were not asked for are not read.
    ///   - queryGradient: is overwritten for the tokens asked.
    ///   - keyGradient, valueGradient: are overwritten for all tokens of the user.
    ///   - bias, biasGradient: `[buckets]` of this head; the second is added to.
    ///   - asked: places that attended, in rising order.
    package func run(
        _ user: SessionTokens, query: Column, key: Column, value: Column, output: Column, turns: Floats, bias: Floats,
        asked: UnsafeBufferPointer<Int32>, queryGradient: Gradient, keyGradient: Gradient, valueGradient: Gradient,
        biasGradient: Floats
    ) {
        precondition(query.stride == key.stride && key.stride == value.stride, "parts of one matrix")
        let lanes = nearline_lanes(), padded = (user.tokens + lanes - 1) / lanes * lanes
        let paddedWidth = (width + lanes - 1) / lanes * lanes
        let ways: [(Column, Floats?)] = [(key, turns), (value, nil)]
        for (buffer, (column, turns)) in zip(columns, ways) {
            nearline_turn(
                column.start, column.stride, user.order, user.session, user.tokens, width, turns,
                buffer.reserve(width * padded + lanes), padded)
        }
        for (buffer, (column, tokens)) in zip(rows, [(query, asked), (key, user.all)]) {
            nearline_turn_rows(
                column.start, column.stride, user.order, user.session, tokens.baseAddress!, tokens.count, width, turns,
                buffer.reserve(user.tokens * paddedWidth), paddedWidth)
        }
        nearline_gather(
            output.start, output.stride, user.order, asked.baseAddress!, asked.count, width,
            rows[2].reserve(user.tokens * paddedWidth), paddedWidth)
        gradients[0].reserve(user.tokens * paddedWidth)
        for buffer in gradients[1...] { buffer.zeros(user.tokens * paddedWidth) }
        var attention = nearline_attention(
            tokens: user.tokens, sessions: user.sessions, width: width, padded_width: paddedWidth, padded: padded,
            order: user.order, session: user.session, first: user.first, bucket: user.bucket, bias: bias, scale: scale)
        var back = nearline_attention_back(
            query: query.start, key: key.start, value: value.start, gradient: output.start, stride: query.stride,
            gradient_stride: output.stride, key_columns: columns[0].pointer, value_columns: columns[1].pointer,
            query_rows: rows[0].pointer, key_rows: rows[1].pointer,
            gradient_rows: rows[2].pointer, query_gradient: gradients[0].pointer, key_gradient: gradients[1].pointer,
            value_gradient: gradients[2].pointer, bias_gradient: biasGradient)
        nearline_attend_back(
            &attention, &back, asked.baseAddress!, asked.count, scratch.reserve(21 * padded + 3 * lanes))
        let returned = [
            (queryGradient, asked, Optional(turns)), (keyGradient, user.all, turns), (valueGradient, user.all, nil),
        ]
        for (buffer, (gradient, tokens, turns)) in zip(gradients, returned) {
            nearline_return_rows(
                buffer.pointer, paddedWidth, user.order, user.session, tokens.baseAddress!, tokens.count, width, turns,
                gradient.slope, gradient.column.start, gradient.column.stride)
        }
    }
}
