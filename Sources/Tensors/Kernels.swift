import CKernels

/// The C kernels by their names in the field. Shapes are row-major; sizes are checked by the callers, once, at the door.
package enum Kernels {
    /// `y = x · sigmoid(x)`.
    @inline(__always)
    package static func silu(_ x: Floats, into y: Floats, count: Int) { nearline_silu(x, y, count) }

    /// `dx = dy · silu'(x)`.
    @inline(__always)
    package static func siluBackward(_ x: Floats, _ dy: Floats, into dx: Floats, count: Int) {
        nearline_silu_backward(x, dy, dx, count)
    }

    /// `scores = silu(scores + bias) · scale`: one row of pointwise attention (HSTU, arXiv:2402.17152).
    @inline(__always)
    package static func biasedSilu(_ scores: Floats, bias: Floats, count: Int, scale: Float) {
        nearline_biased_silu(scores, bias, count, scale)
    }

    /// From raw scores and the gradient of the weights to the weights and the gradient of the raw scores, both in place.
    @inline(__always)
    package static func biasedSiluBackward(
        _ scores: Floats, gradient: Floats, bias: Floats, count: Int, scale: Float
    ) {
        nearline_biased_silu_backward(scores, gradient, bias, count, scale)
    }

    /// `scores = softmax(scale · scores)`, returning their log-sum-exp; `-infinity` leaves a place out.
    @inline(__always)
    package static func softmax(_ scores: Floats, count: Int, scale: Float) -> Float {
        nearline_softmax(scores, count, scale)
    }

    /// Zeroes a share `dropped` of `x`, by a hash of seed and place, and scales up the rest; the same seed, the same mask.
    @inline(__always)
    package static func dropout(_ x: Floats, count: Int, seed: UInt64, dropped: Float) {
        if dropped > 0 { nearline_dropout(x, count, seed, dropped) }
    }

    /// Layer norm without affine part over rows of `width`; `inverseDeviation` `[rows]` is kept for the way back.
    @inline(__always)
    package static func layerNorm(
        _ x: Floats, into y: Floats, inverseDeviation: Floats, rows: Int, width: Int, epsilon: Float
    ) {
        nearline_layer_norm(x, y, inverseDeviation, rows, width, epsilon)
    }

    /// Adds to `dx` the gradient of ``layerNorm`` at output `y`.
    @inline(__always)
    package static func layerNormBackward(
        _ y: Floats, inverseDeviation: Floats, _ dy: Floats, addingTo dx: Floats, rows: Int, width: Int
    ) {
        nearline_layer_norm_backward(y, inverseDeviation, dy, dx, rows, width)
    }

    /// Rows of unit length: `y = x / max(|x|, epsilon)`; `norm` `[rows]` keeps the divisor.
    @inline(__always)
    package static func normalise(
        _ x: Floats, into y: Floats, norm: Floats, rows: Int, width: Int, epsilon: Float
    ) {
        nearline_normalise(x, y, norm, rows, width, epsilon)
    }

    /// Overwrites `dx` with the gradient of ``normalise`` at output `y`.
    @inline(__always)
    package static func normaliseBackward(
        _ y: Floats, norm: Floats, _ dy: Floats, into dx: Floats, rows: Int, width: Int
    ) {
        nearline_normalise_backward(y, norm, dy, dx, rows, width)
    }

    /// Session-wise RoPE in place: every pair of a head turns by its session's angle (TBGRecall, arXiv:2508.11977).
    ///
    /// - Parameters: x: `[rows, heads · headWidth]`, `stride` floats apart; cosines, sines: `[sessions, headWidth / 2]`;
    ///   direction: 1 forward, -1 back.
    @inline(__always)
    package static func rotate(
        _ x: Floats, stride: Int, session: UnsafePointer<Int32>, rows: Int, heads: Int, headWidth: Int,
        cosines: Floats, sines: Floats, direction: Float
    ) {
        nearline_rotate(x, stride, session, rows, heads, headWidth, cosines, sines, direction)
    }

    @inline(__always)
    package static func multiply(_ a: Floats, _ b: Floats, into y: Floats, count: Int) {
        nearline_multiply(a, b, y, count)
    }

    @inline(__always)
    package static func add(_ x: Floats, to y: Floats, count: Int) { nearline_add(x, y, count) }

    @inline(__always)
    package static func add(_ x: Floats, times factor: Float, to y: Floats, count: Int) {
        nearline_add_scaled(x, factor, y, count)
    }

    @inline(__always)
    package static func scale(_ x: Floats, by factor: Float, count: Int) { nearline_scale(x, factor, count) }

    @inline(__always)
    package static func dot(_ a: Floats, _ b: Floats, count: Int) -> Float { nearline_dot(a, b, count) }

    /// `sums[j] += Σ x[i]` over run `j`, which is `starts[j] ..< starts[j + 1]` counted from `starts[0]`.
    @inline(__always)
    package static func runSums(_ x: Floats, starts: UnsafePointer<Int32>, runs: Int, addingTo sums: Floats) {
        nearline_run_sums(x, starts, runs, sums)
    }

    /// One AdamW step over `count` parameters (arXiv:1711.05101).
    package static func adamW(
        _ parameters: Floats, gradient: Floats, first: Floats, second: Floats, count: Int, _ step: AdamWStep
    ) {
        nearline_adamw(
            parameters, gradient, first, second, count, step.rate, step.beta1, step.beta2, step.epsilon, step.decay,
            step.correction1, step.correction2)
    }

    /// Copies the scores above `threshold`, with their rows counted from `base`, in order; returns how many.
    @inline(__always)
    package static func scanAbove(
        _ scores: Floats, count: Int, threshold: Float, base: Int32, rows: UnsafeMutablePointer<Int32>, kept: Floats
    ) -> Int {
        nearline_scan_above(scores, count, threshold, base, rows, kept)
    }
}

/// The numbers of one AdamW step; corrections are `1 - beta^step`.
package struct AdamWStep: Sendable {
    package var rate: Float
    package var beta1: Float = 0.9
    package var beta2: Float = 0.98
    package var epsilon: Float = 1e-8
    package var decay: Float = 0
    package var correction1: Float
    package var correction2: Float

    /// - Parameter step: 1 for the first.
    package init(rate: Float, step: Int, decay: Float) {
        self.rate = rate
        self.decay = decay
        correction1 = 1
        correction2 = 1
        correction1 = Float(1 - power(Double(beta1), step))
        correction2 = Float(1 - power(Double(beta2), step))
    }
}

private func power(_ base: Double, _ exponent: Int) -> Double {
    var result = 1.0, factor = base, left = exponent
    while left > 0 {
        if left & 1 == 1 { result *= factor }
        factor *= factor
        left >>= 1
    }
    return result
}
