import Model
import Tensors

/// The way back through an ``ExpertMixture``: from the gradient of what it gave to that of what it was given, in one place.
struct ExpertGradient {
    let mixture: ExpertMixture
    let at: ParameterLayout.Experts
    let settings: ModelSettings
    /// How much it counts that experts are used alike (the balance loss of Switch Transformers, arXiv:2101.03961); 0 for none.
    let balance: Float

    /// - Parameters:
    ///   - dx: `[rows, D]`.
    ///   - space: as the forward pass left it.
    ///   - dense: gradient of the dense parameters, added to.
    func run(_ dx: Floats, rows: Int, space: ExpertSpace, back: ExpertBackSpace, dense: Floats) {
        let D = settings.width, F = settings.expertWidth, E = settings.experts
        let normed = space.normed.pointer, shares = space.shares.pointer, routing = space.routing
        let dNormed = back.normed.reserve(rows * D), dShares = back.shares.zeros(rows * E)

        expert(0, normed, dx, rows, (space.sharedSlope.pointer, space.sharedActive.pointer), back, into: dNormed, dense)

        let places = routing.rows.count
        let dSaid = back.said.reserve(places * D), dGathered = back.gathered.reserve(places * D)
        for e in 0..<E {
            let range = routing.places(of: e), first = range.lowerBound
            guard !range.isEmpty else { continue }
            for place in range {
                let row = Int(routing.rows[place])
                dShares[row * E + e] = Kernels.dot(dx + row * D, space.said.pointer + place * D, count: D)
                let out = dSaid + place * D
                out.update(from: dx + row * D, count: D)
                Kernels.scale(out, by: shares[row * E + e], count: D)
            }
            expert(
                e + 1, space.gathered.pointer + first * D, dSaid + first * D, range.count,
                (space.slope.pointer + first * F, space.active.pointer + first * F), back, into: dGathered + first * D,
                dense)
            for place in range {
                Kernels.add(dGathered + place * D, to: dNormed + Int(routing.rows[place]) * D, count: D)
            }
        }
        if balance > 0 {
            for e in 0..<E {
                let used = Float(routing.places(of: e).count) / Float(places)
                for row in 0..<rows { dShares[row * E + e] += balance * Float(E) * used / Float(rows) }
            }
        }
        // Through the softmax.
        for row in 0..<rows {
            let d = dShares + row * E, p = shares + row * E
            let mean = Kernels.dot(d, p, count: E)
            for e in 0..<E { d[e] = p[e] * (d[e] - mean) }
        }
        addOuter(normed, D, dShares, E, rows: rows, height: D, columns: E, to: dense + at.router, stride: E)
        mixture.router.back.multiply(dShares, stride: E, rows: rows, into: dNormed, stride: D, .add)
        Kernels.layerNormBackward(
            normed, inverseDeviation: space.inverseDeviation.pointer, dNormed, addingTo: dx, rows: rows, width: D)
    }

    /// `out = silu(in · inner) · outer`, back to `dIn`.
    private func expert(
        _ number: Int, _ input: Floats, _ dOut: Floats, _ rows: Int, _ kept: (slope: Floats, active: Floats),
        _ back: ExpertBackSpace, into dIn: Floats, _ dense: Floats
    ) {
        let D = settings.width, F = settings.expertWidth
        let dActive = back.active.reserve(rows * F)
        addOuter(
            kept.active, F, dOut, D, rows: rows, height: F, columns: D, to: dense + at.outer + number * D * F, stride: D
        )
        mixture.outer[number].back.multiply(dOut, stride: D, rows: rows, into: dActive, stride: F)
        Kernels.multiply(dActive, by: kept.slope, count: rows * F)
        addOuter(
            input, D, dActive, F, rows: rows, height: D, columns: F, to: dense + at.inner + number * D * F, stride: F)
        mixture.inner[number].back.multiply(dActive, stride: F, rows: rows, into: dIn, stride: D)
    }
}

/// Scratch of ``ExpertGradient``: gradients of what ``ExpertSpace`` keeps.
final class ExpertBackSpace {
    let normed = FloatBuffer(), shares = FloatBuffer(), said = FloatBuffer(), gathered = FloatBuffer()
    let active = FloatBuffer()
}
