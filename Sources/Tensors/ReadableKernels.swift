#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// What the C kernels compute, written to be read: one line of mathematics each, in `Double` where sums are long.
/// The tests hold every fast kernel to its twin here.
package enum ReadableKernels {
    package static func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }

    package static func silu(_ x: [Float]) -> [Float] { x.map { Float(Double($0) * sigmoid(Double($0))) } }

    /// The derivative of ``silu``.
    package static func siluSlope(_ x: [Float]) -> [Float] {
        x.map {
            let s = sigmoid(Double($0))
            return Float(s + Double($0) * s * (1 - s))
        }
    }

    package static func softmax(_ scores: [Float], scale: Float) -> (probabilities: [Float], logSumExp: Float) {
        let scaled = scores.map { Double($0) * Double(scale) }
        guard let highest = scaled.max(), highest > -.infinity else { return (scores.map { _ in 0 }, -.infinity) }
        let sum = scaled.reduce(0) { $0 + exp($1 - highest) }
        return (scaled.map { Float(exp($0 - highest) / sum) }, Float(highest + log(sum)))
    }

    package static func layerNorm(_ x: [Float], width: Int, epsilon: Double) -> [Float] {
        rows(x, width).flatMap { row in
            let mean = row.reduce(0) { $0 + Double($1) } / Double(width)
            let variance = row.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / Double(width)
            return row.map { Float((Double($0) - mean) / (variance + epsilon).squareRoot()) }
        }
    }

    package static func normalise(_ x: [Float], width: Int, epsilon: Double) -> [Float] {
        rows(x, width).flatMap { row in
            let length = row.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
            return row.map { Float(Double($0) / max(length, epsilon)) }
        }
    }

    /// Rotates the pairs of one head of one row by `session · base^(-2j / headWidth)`.
    package static func rotate(_ head: [Double], session: Int, base: Double, direction: Double = 1) -> [Double] {
        head.indices.map { i in
            let angle = direction * Double(session) * pow(base, -2 * Double(i / 2) / Double(head.count))
            return i % 2 == 0
                ? head[i] * cos(angle) - head[i + 1] * sin(angle) : head[i - 1] * sin(angle) + head[i] * cos(angle)
        }
    }

    /// `a [rows, inner] · b [inner, columns]`.
    package static func multiply(_ a: [Float], _ b: [Float], rows: Int, inner: Int, columns: Int) -> [Float] {
        (0..<rows).flatMap { r in
            (0..<columns).map { c in
                Float((0..<inner).reduce(0.0) { $0 + Double(a[r * inner + $1]) * Double(b[$1 * columns + c]) })
            }
        }
    }

    package static func adamW(
        parameter: Float, gradient: Float, first: Float, second: Float, _ step: AdamWStep
    ) -> (parameter: Float, first: Float, second: Float) {
        let m = step.beta1 * first + (1 - step.beta1) * gradient
        let v = step.beta2 * second + (1 - step.beta2) * gradient * gradient
        let decayed = parameter * (1 - step.rate * step.decay)
        let p = decayed - step.rate * (m / step.correction1) / ((v / step.correction2).squareRoot() + step.epsilon)
        return (p, m, v)
    }

    private static func rows(_ x: [Float], _ width: Int) -> [ArraySlice<Float>] {
        stride(from: 0, to: x.count, by: width).map { x[$0..<$0 + width] }
    }
}
