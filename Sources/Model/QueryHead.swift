import Tensors

/// Context states to unit query vectors: `normalise(states · W_m + b_m)` for one horizon.
package final class QueryHead {
    /// `[n, D]` states, their projection, the unit vectors, and `[n]` lengths before normalising.
    package let states = FloatBuffer()
    package let projected = FloatBuffer()
    package let units = FloatBuffer()
    package let norms = FloatBuffer()
    package private(set) var count = 0

    package init() {}

    /// Takes the states that queries are wanted for out of a `[*, D]` matrix.
    package func gather(_ source: Floats, rows: [Int], _ parameters: ModelParameters) {
        let D = parameters.settings.width
        count = rows.count
        let out = states.reserve(count * D)
        for (i, row) in rows.enumerated() { (out + i * D).update(from: source + row * D, count: D) }
    }

    /// - Parameter horizon: 0 asks for the session at hand, `m` for the one `m` sessions later.
    package func run(_ parameters: ModelParameters, horizon: Int) {
        let s = parameters.settings, D = s.width, dense = parameters.dense.pointer
        let out = projected.reserve(count * D)
        for i in 0..<count {
            (out + i * D).update(from: dense + parameters.layout.horizonBias + horizon * D, count: D)
        }
        multiply(
            Operand(states.pointer, stride: D),
            Operand(dense + parameters.layout.horizon + horizon * D * D, stride: D),
            into: out, stride: D, rows: count, columns: D, inner: D, keep: 1)
        Kernels.normalise(
            out, into: units.reserve(count * D), norm: norms.reserve(count), rows: count, width: D, epsilon: s.epsilon)
    }
}
