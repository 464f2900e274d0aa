import CKernels

/// The C kernels by their names in the field. Shapes are row-major; sizes are checked by the callers, once, at the door.
package enum Kernels {
    /// The level of x86-64 that the wide kernels use: 4 (AVX-512), 3 (AVX2), 0 for any processor.
    package static var level: Int { Int(nearline_level()) }

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

    /// Layer norm times a gate: `y = gate ⊙ LN(x)`; rows of the gate are `gateStride` floats apart.
    @inline(__always)
    package static func gatedNorm(
        _ x: Floats, gate: Floats, gateStride: Int, into y: Floats, rows: Int, width: Int, epsilon: Float
    ) {
        nearline_gated_norm(x, gate, gateStride, y, rows, width, epsilon)
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

    /// Gates: `y = gate ⊙ x`; rows of the gate are `stride` floats apart.
    @inline(__always)
    package static func gate(_ x: Floats, by gate: Floats, stride: Int, into y: Floats, rows: Int, width: Int) {
        nearline_gate(x, gate, stride, y, rows, width)
    }

    /// The way back through ``gate``, and through the SiLU that gave the gate: `gateGradient = dy ⊙ x ⊙ slope`,
    /// `dx = dy ⊙ gate`; rows of gates, slopes and their gradient are `stride` floats apart.
    @inline(__always)
    package static func gateBackward(
        _ x: Floats, gate: Floats, slope: Floats, stride: Int, _ dy: Floats, gateGradient: Floats, into dx: Floats,
        rows: Int, width: Int
    ) {
        nearline_gate_backward(x, gate, slope, stride, dy, gateGradient, dx, rows, width)
    }

    /// `y *= x`.
    @inline(__always)
    package static func multiply(_ y: Floats, by x: Floats, count: Int) { nearline_multiply(x, y, count) }

    /// `y = a + b + c`; `y` may be one of them.
    @inline(__always)
    package static func sum(_ a: Floats, _ b: Floats, _ c: Floats, into y: Floats, count: Int) {
        nearline_sum(a, b, c, y, count)
    }

    /// `y[i] = shared + items[item[i]] + actions[action[i]]` for the tokens `range`; `y` is `[*, width]`.
    package static func embed(
        _ range: Range<Int>, shared: Floats, items: Floats, item: UnsafeBufferPointer<Int32>, actions: Floats,
        action: UnsafeBufferPointer<UInt8>, width: Int, into y: Floats
    ) {
        nearline_embed(
            shared, items, item.baseAddress!, actions, action.baseAddress!, range.lowerBound, range.upperBound,
            item.count, width, y)
    }

    /// Asks memory for what will be wanted soon: rows of large tables are met in no order that a processor could guess.
    @inline(__always)
    package static func fetch(_ x: Floats, count: Int) { nearline_fetch(x, count) }

    @inline(__always)
    package static func add(_ x: Floats, to y: Floats, count: Int) { nearline_add(x, y, count) }

    /// Adds the sum of rows `[rows, width]` to `y`.
    @inline(__always)
    package static func addRows(_ x: Floats, to y: Floats, rows: Int, width: Int) {
        nearline_add_rows(x, y, rows, width)
    }

    @inline(__always)
    package static func add(_ x: Floats, times factor: Float, to y: Floats, count: Int) {
        nearline_add_scaled(x, factor, y, count)
    }

    @inline(__always)
    package static func scale(_ x: Floats, by factor: Float, count: Int) { nearline_scale(x, factor, count) }

    @inline(__always)
    package static func dot(_ a: Floats, _ b: Floats, count: Int) -> Float { nearline_dot(a, b, count) }

    /// One AdamW step over `count` parameters (arXiv:1711.05101).
    package static func adamW(
        _ parameters: Floats, gradient: Floats, first: Floats, second: Floats, count: Int, _ step: AdamWStep
    ) {
        var step = step.kernel
        nearline_adamw(parameters, gradient, first, second, count, &step)
    }

    /// One AdamW step over some rows, each named once, of tables `[*, width]`; `gradient` is `[rows, width]`.
    package static func adamW(
        _ parameters: Floats, gradient: Floats, first: Floats, second: Floats, rows: UnsafeBufferPointer<Int32>,
        width: Int, _ step: AdamWStep
    ) {
        guard let row = rows.baseAddress else { return }
        var step = step.kernel
        nearline_adamw_rows(parameters, gradient, first, second, row, rows.count, width, &step)
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

    fileprivate var kernel: nearline_adamw_step {
        nearline_adamw_step(
            rate: rate, beta1: beta1, beta2: beta2, epsilon: epsilon, decay: decay, correction1: correction1,
            correction2: correction2)
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
