import Tensors
import Testing

/// One head of one user by the kernels, forward and back, against the readable twin, over drawn sizes.
@Suite struct HeadAttentionTests {
    /// Sessions of drawn length, rows of the batch in a drawn order, tokens with drawn numbers.
    private struct Drawn {
        var session: [Int32] = [], first: [Int32] = [], isContext: [Bool] = [], order: [Int32] = []
        let bucket: [UInt8], bias: [Float], turns: FloatBuffer
        let width: Int
        /// `[tokens, 4 width]`: rows as in the batch; the gradient of the output `[tokens, width]`.
        let active: FloatBuffer, output: FloatBuffer
        var sessions: Int { first.count - 1 }

        init(seed: UInt64, sessions: Int, longest: Int, width: Int) {
            var state = seed &* 0x9e37_79b9_7f4a_7c15 | 1
            func draw() -> Float {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return Float(state >> 40) / Float(1 << 24) * 2 - 1
            }
            func below(_ n: Int) -> Int { min(n - 1, Int((draw() + 1) / 2 * Float(n))) }
            for s in 0..<sessions {
                first.append(Int32(session.count))
                for i in 0...below(longest + 1) {
                    session.append(Int32(s))
                    isContext.append(i == 0)
                }
            }
            first.append(Int32(session.count))
            let tokens = session.count
            order = (0..<Int32(tokens)).map { $0 }
            for i in order.indices.reversed() { order.swapAt(i, below(i + 1)) }
            bucket = (0..<sessions * sessions).map { $0 % sessions < $0 / sessions ? UInt8(1 + below(9)) : 0 }
            bias = (0..<10).map { _ in draw() }
            self.width = width
            active = FloatBuffer(tokens * 4 * width)
            output = FloatBuffer(tokens * width)
            for i in 0..<active.count { active.pointer[i] = draw() }
            for i in 0..<output.count { output.pointer[i] = draw() }
            turns = FloatBuffer(sessions * 2 * width)
            for s in 0..<sessions {
                let pair = ReadableKernels.rotate((0..<width).map { $0 % 2 == 0 ? 1 : 0 }, session: s, base: 100)
                for j in 0..<width {
                    turns.pointer[s * 2 * width + j] = Float(pair[j / 2 * 2])
                    turns.pointer[(s * 2 + 1) * width + j] = Float(j % 2 == 0 ? -pair[j + 1] : pair[j])
                }
            }
        }

        /// One part of all tokens, in the order of time.
        func rows(_ buffer: FloatBuffer, _ part: Int, of stride: Int) -> [[Float]] {
            order.map { row in (0..<width).map { buffer.pointer[Int(row) * stride + part * width + $0] } }
        }

        var twin: ReadableAttention {
            ReadableAttention(
                session: session.map(Int.init), isContext: isContext,
                bucket: (0..<sessions).map { s in (0..<sessions).map { Int(bucket[s * sessions + $0]) } }, bias: bias,
                scale: 0.125, ropeBase: 100)
        }

        func withTokens(_ body: (SessionTokens, Floats) -> Void) {
            let places = (0..<Int32(session.count)).map { $0 }
            var bias = bias
            session.withUnsafeBufferPointer { session in
                order.withUnsafeBufferPointer { order in
                    first.withUnsafeBufferPointer { first in
                        places.withUnsafeBufferPointer { places in
                            bucket.withUnsafeBufferPointer { bucket in
                                let tokens = SessionTokens(
                                    number: 0, tokens: session.count, sessions: sessions, order: order.baseAddress!,
                                    session: session.baseAddress!, first: first.baseAddress!,
                                    places: places.baseAddress!, bucket: bucket.baseAddress!)
                                bias.withUnsafeMutableBufferPointer { body(tokens, $0.baseAddress!) }
                            }
                        }
                    }
                }
            }
        }
    }

    static let sizes = [
        (1, 0, 2), (1, 5, 8), (2, 3, 16), (7, 2, 6), (30, 1, 32), (4, 40, 32), (12, 9, 64), (3, 30, 96), (5, 4, 24),
    ]

    private func expectClose(_ found: [[Float]], _ wanted: [[Double]], _ what: String) {
        let scale = max(1, wanted.joined().map(abs).max() ?? 1)
        for (t, (a, b)) in zip(found, wanted).enumerated() {
            for j in a.indices {
                #expect(
                    abs(Double(a[j]) - b[j]) <= 1e-5 * scale, "\(what) of token \(t), \(j): \(a[j]) against \(b[j])")
            }
        }
    }

    @Test(arguments: sizes) func attentionMatchesItsTwin(sessions: Int, longest: Int, width: Int) {
        let drawn = Drawn(seed: UInt64(width + sessions), sessions: sessions, longest: longest, width: width)
        let active = drawn.active.pointer, stride = 4 * width, out = FloatBuffer(drawn.order.count * width)
        let wanted = drawn.twin.attend(
            query: drawn.rows(drawn.active, 2, of: stride), key: drawn.rows(drawn.active, 3, of: stride),
            value: drawn.rows(drawn.active, 1, of: stride))
        let attention = HeadAttention(width: width, scale: 0.125)
        drawn.withTokens { user, bias in
            attention.attend(
                query: active + 2 * width, key: active + 3 * width, value: active + width, stride: stride, user,
                turns: drawn.turns.pointer, bias: bias, asked: user.all, into: out.pointer, outStride: width)
            expectClose(drawn.rows(out, 0, of: width), wanted, "attention")
            // Who asks alone, of rows as they stand.
            let last = Int(user.first[user.sessions - 1]), row = Int(user.order[last])
            attention.attend(
                request: active + row * stride + 2 * width, key: active + 3 * width, value: active + width,
                stride: stride, user, turns: drawn.turns.pointer, bias: bias, into: out.pointer)
            expectClose([(0..<width).map { out.pointer[$0] }], [wanted[last]], "attention of the last")
        }
    }

    @Test(arguments: sizes) func theGradientMatchesItsTwin(sessions: Int, longest: Int, width: Int) {
        let drawn = Drawn(seed: UInt64(width * sessions), sessions: sessions, longest: longest, width: width)
        let active = drawn.active.pointer, stride = 4 * width
        let into = FloatBuffer(drawn.active.count), dbias = FloatBuffer(drawn.bias.count)
        let slopes = drawnFloats(drawn.active.count, seed: 9)
        for onlyContexts in [false, true] {
            dbias.zeros(drawn.bias.count)
            into.zeros(into.count)
            var output = drawn.rows(drawn.output, 0, of: width)
            if onlyContexts {
                for t in output.indices where !drawn.isContext[t] { output[t] = output[t].map { _ in 0 } }
            }
            let wanted = drawn.twin.gradient(
                query: drawn.rows(drawn.active, 2, of: stride), key: drawn.rows(drawn.active, 3, of: stride),
                value: drawn.rows(drawn.active, 1, of: stride), output: output)
            func column(_ matrix: Floats, _ part: Int) -> HeadGradient.Column {
                HeadGradient.Column(matrix + part * width, stride: stride)
            }
            func gradient(_ part: Int) -> HeadGradient.Gradient {
                HeadGradient.Gradient(column(into.pointer, part), slope: slopes.pointer + part * width)
            }
            func times(_ slopes: [[Float]], _ wanted: [[Double]]) -> [[Double]] {
                zip(slopes, wanted).map { zip($0, $1).map { Double($0) * $1 } }
            }
            drawn.withTokens { user, bias in
                // What was not asked for is not read.
                for (t, row) in output.enumerated() {
                    for j in row.indices {
                        drawn.output.pointer[Int(user.order[t]) * width + j] =
                            onlyContexts && !drawn.isContext[t] ? .nan : row[j]
                    }
                }
                HeadGradient(width: width, scale: 0.125).run(
                    user, query: column(active, 2), key: column(active, 3), value: column(active, 1),
                    output: HeadGradient.Column(drawn.output.pointer, stride: width), turns: drawn.turns.pointer,
                    bias: bias, asked: onlyContexts ? user.contexts : user.all,
                    queryGradient: gradient(2), keyGradient: gradient(3), valueGradient: gradient(1),
                    biasGradient: dbias.pointer)
            }
            for (part, wanted, what) in [
                (2, wanted.query, "query"), (3, wanted.key, "key"), (1, wanted.value, "value"),
            ] {
                expectClose(
                    drawn.rows(into, part, of: stride), times(drawn.rows(slopes, part, of: stride), wanted), what)
            }
            expectClose([Array(dbias.values)], [wanted.bias], "bias")
        }
    }
}
