import CKernels

/// One head of one user, laid out for the attention kernel: queries and keys as columns, values as rows, all padded to whole
/// vectors.
package final class HeadAttention {
    private let width: Int
    /// `1 / norm` of the model.
    private let scale: Float
    private let query = FloatBuffer(), key = FloatBuffer(), value = FloatBuffer(), scratch = FloatBuffer()
    private var padded = 0
    private var paddedWidth = 0

    /// - Parameter width: `d`, floats of a head.
    package init(width: Int, scale: Float) {
        self.width = width
        self.scale = scale
    }

    private func cover(_ user: SessionTokens) {
        let lanes = nearline_lanes()
        padded = (user.tokens + lanes - 1) / lanes * lanes
        paddedWidth = (width + lanes - 1) / lanes * lanes
    }

    /// Takes in one head of all tokens; rows are `stride` floats apart, in the order of the batch.
    ///
    /// - Parameter turns: `[sessions, 2, d]`, cosines twice each, then sines with minus and plus.
    package func load(
        query queries: Floats, key keys: Floats, value values: Floats, stride: Int, _ user: SessionTokens, turns: Floats
    ) {
        cover(user)
        query.reserve(width * padded + nearline_lanes())
        key.reserve(width * padded + nearline_lanes())
        value.reserve(user.tokens * paddedWidth)
        scratch.reserve(13 * padded)
        nearline_turn(queries, stride, user.order, user.session, user.tokens, width, turns, query.pointer, padded)
        nearline_turn(keys, stride, user.order, user.session, user.tokens, width, turns, key.pointer, padded)
        nearline_gather(values, stride, user.order, user.tokens, width, value.pointer, paddedWidth)
    }

    /// Attends for the tokens at the places `asked`, in rising order.
    ///
    /// - Parameters:
    ///   - bias: `[buckets]` of this head.
    ///   - out: this head's column of a matrix with rows as in the batch, `stride` floats apart.
    package func attend(
        _ user: SessionTokens, bias: Floats, asked: UnsafeBufferPointer<Int32>, into out: Floats, stride: Int
    ) {
        var attention = kernel(user, bias)
        nearline_attend(
            &attention, query.pointer, key.pointer, value.pointer, asked.baseAddress!, asked.count, scratch.pointer,
            out, stride)
    }

    /// Attends for the last session's context token alone, which nothing needs to be loaded for.
    ///
    /// - Parameters:
    ///   - request: `[d]` its query.
    ///   - keys: and `values`: rows of the batch, `stride` floats apart.
    ///   - turns: as ``load(query:key:value:stride:_:turns:)`` takes them.
    ///   - out: `[d]`.
    package func attend(
        request: Floats, key keys: Floats, value values: Floats, stride: Int, _ user: SessionTokens, turns: Floats,
        bias: Floats, into out: Floats
    ) {
        cover(user)
        scratch.reserve(2 * padded + 2 * (width + nearline_lanes()))
        var attention = kernel(user, bias)
        nearline_attend_last(&attention, request, turns, keys, values, stride, scratch.pointer, out)
    }

    private func kernel(_ user: SessionTokens, _ bias: Floats) -> nearline_attention {
        nearline_attention(
            tokens: user.tokens, sessions: user.sessions, width: width, padded_width: paddedWidth, padded: padded,
            order: user.order, session: user.session, first: user.first, bucket: user.bucket, bias: bias, scale: scale)
    }
}
