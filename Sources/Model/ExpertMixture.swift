import Tensors

/// A mixture of experts after a block: `x + F_0(n) + Σ p_i F_i(n)` over the two experts `i` that the token is routed to, where
/// `n = LN(x)`, `F(n) = silu(n · W_in) · W_out` and `p = softmax(n · W_router)`. Expert 0 is shared: every token goes to it.
///
/// Source: DeepSeekMoE (arXiv:2401.06066), as TBGRecall (arXiv:2508.11977) has it: 24 routed experts, one shared, top 2.
package struct ExpertMixture: Sendable {
    /// Experts that a token is routed to, beside the shared one.
    package static let most = 2

    /// Of all experts, and of those that are routed to.
    package let inner: [PackedWeights.Weight]
    package let outer: [PackedWeights.Weight]
    package let router: PackedWeights.Weight
    private let width: Int
    private let hidden: Int
    private let epsilon: Float

    init(_ parameters: ModelParameters, _ at: ParameterLayout.Experts) {
        let s = parameters.settings, D = s.width, F = s.expertWidth, dense = parameters.dense.pointer
        width = D
        hidden = F
        epsilon = s.epsilon
        router = PackedWeights.Weight(dense + at.router, stride: s.experts, inner: D, columns: s.experts)
        inner = (0...s.experts).map {
            PackedWeights.Weight(dense + at.inner + $0 * D * F, stride: F, inner: D, columns: F)
        }
        outer = (0...s.experts).map {
            PackedWeights.Weight(dense + at.outer + $0 * D * F, stride: D, inner: F, columns: D)
        }
    }

    /// Adds what the experts say of rows `x` `[rows, D]`; `space` keeps what the way back needs.
    ///
    /// A row's sum has the shared expert first and the others in their order, whatever rows stand beside it.
    package func run(_ x: Floats, rows: Int, space: ExpertSpace) {
        let D = width, F = hidden, E = inner.count - 1
        let normed = space.normed.reserve(rows * D), shares = space.shares.reserve(rows * E)
        Kernels.layerNorm(
            x, into: normed, inverseDeviation: space.inverseDeviation.reserve(rows), rows: rows, width: D,
            epsilon: epsilon)
        router.forward.multiply(normed, stride: D, rows: rows, into: shares, stride: E)
        for row in 0..<rows { _ = Kernels.softmax(shares + row * E, count: E, scale: 1) }
        space.routing.route(shares, rows: rows, experts: E)

        let slope = space.sharedSlope.reserve(rows * F), active = space.sharedActive.reserve(rows * F)
        inner[0].forward.multiply(normed, stride: D, rows: rows, into: active, keeping: slope, stride: F, .siluAndSlope)
        outer[0].forward.multiply(active, stride: F, rows: rows, into: x, stride: D, .add)

        let routing = space.routing, places = routing.rows.count
        let gathered = space.gathered.reserve(places * D), said = space.said.reserve(places * D)
        let routedSlope = space.slope.reserve(places * F), routedActive = space.active.reserve(places * F)
        for (place, row) in routing.rows.enumerated() {
            (gathered + place * D).update(from: normed + Int(row) * D, count: D)
        }
        for expert in 0..<E {
            let range = routing.places(of: expert)
            guard !range.isEmpty else { continue }
            let first = range.lowerBound
            inner[expert + 1].forward.multiply(
                gathered + first * D, stride: D, rows: range.count, into: routedActive + first * F,
                keeping: routedSlope + first * F, stride: F, .siluAndSlope)
            outer[expert + 1].forward.multiply(
                routedActive + first * F, stride: F, rows: range.count, into: said + first * D, stride: D)
            for place in range {
                let row = Int(routing.rows[place])
                Kernels.add(said + place * D, times: shares[row * E + expert], to: x + row * D, count: D)
            }
        }
    }
}

/// Which rows go to which expert: those of the first expert, then those of the second, and so on, each in rising order.
package struct ExpertRouting: Sendable {
    package private(set) var rows: [Int32] = []
    private var first: [Int] = [0]

    package func places(of expert: Int) -> Range<Int> { first[expert]..<first[expert + 1] }

    /// To the experts of the largest shares `[rows, experts]`; of equal ones to the first.
    mutating func route(_ shares: Floats, rows count: Int, experts: Int) {
        let most = min(ExpertMixture.most, experts)
        var chosen = [Int32](repeating: 0, count: count * most)
        first = [Int](repeating: 0, count: experts + 1)
        for row in 0..<count {
            let share = shares + row * experts
            for k in 0..<most {
                let taken = chosen[row * most..<row * most + k]
                var best = -1
                for expert in 0..<experts where !taken.contains(Int32(expert)) {
                    if best < 0 || share[expert] > share[best] { best = expert }
                }
                chosen[row * most + k] = Int32(best)
                first[best + 1] += 1
            }
        }
        for expert in 0..<experts { first[expert + 1] += first[expert] }
        var next = first
        rows = [Int32](repeating: 0, count: count * most)
        for row in 0..<count {
            for expert in chosen[row * most..<(row + 1) * most] {
                rows[next[Int(expert)]] = Int32(row)
                next[Int(expert)] += 1
            }
        }
    }
}

/// What a mixture computes on its way, kept for the way back; `P` places are rows by expert, as ``ExpertRouting`` has them.
package final class ExpertSpace {
    /// `[R, D]` normalised rows and `[R]` their inverse deviation; `[R, experts]` shares.
    package let normed = FloatBuffer(), inverseDeviation = FloatBuffer(), shares = FloatBuffer()
    /// `[R, F]` of the shared expert: after SiLU, and the slope of SiLU there.
    package let sharedActive = FloatBuffer(), sharedSlope = FloatBuffer()
    /// `[P, D]` what experts read, `[P, F]` the same two of them, `[P, D]` what they say.
    package let gathered = FloatBuffer(), slope = FloatBuffer(), active = FloatBuffer(), said = FloatBuffer()
    package var routing = ExpertRouting()

    package init() {}
}
