import CKernels

/// The attention of one head of one user; keys as columns and values as rows, in the order of time and padded to whole vectors, are
/// laid out for the kernel in space of its own.
package final class HeadAttention {
    private let width: Int
    /// `1 / norm` of the model.
    private let scale: Float
    private let keyColumns = FloatBuffer(), valueRows = FloatBuffer(), scratch = FloatBuffer()
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

    /// Attends for the tokens at the places `asked`, in rising order.
    ///
    /// - Parameters:
    ///   - query, key, value: rows of the batch, `stride` floats apart, before turning.
    ///   - turns: `[sessions, 2, d]`, cosines twice each, then sines with minus and plus.
    ///   - bias: `[buckets]` of this head.
    ///   - out: this head's column of a matrix with rows as in the batch, `outStride` floats apart.
    package func attend(
        query: Floats, key: Floats, value: Floats, stride: Int, _ user: SessionTokens, turns: Floats, bias: Floats,
        asked: UnsafeBufferPointer<Int32>, into out: Floats, outStride: Int
    ) {
        cover(user)
        keyColumns.reserve(width * padded + nearline_lanes())
        valueRows.reserve(user.tokens * paddedWidth)
        scratch.reserve(13 * padded + 6 * paddedWidth)
        nearline_turn(
            key, stride, user.order, user.session, user.tokens, width, turns, keyColumns.pointer, padded)
        nearline_gather(
            value, stride, user.order, user.all.baseAddress!, user.tokens, width, valueRows.pointer, paddedWidth)
        var attention = kernel(user, bias)
        nearline_attend(
            &attention, query, key, stride, turns, keyColumns.pointer, valueRows.pointer, asked.baseAddress!,
            asked.count, scratch.pointer, out, outStride)
    }

    /// Attends for the last session's context token alone, for which nothing needs to be laid out.
    ///
    /// - Parameters:
    ///   - request: `[d]` its query.
    ///   - keys: and `values`: rows of the batch, `stride` floats apart.
    ///   - turns: as above.
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
