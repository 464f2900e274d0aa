import Domain
import Model
import Tensors

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// The unit vectors of a batch's negatives, laid out for both products with them.
struct PackedNegatives {
    /// `[D, R]`, for scores.
    let columns = PackedMatrix()
    /// `[R, D]`, for the gradient of queries.
    let rows = PackedMatrix()

    func pack(_ units: Floats, count: Int, width D: Int, pool: WorkerPool) {
        pool.forEach(2) { way, _ in
            if way == 0 {
                columns.pack(units, stride: D, transposed: true, inner: D, columns: count)
            } else {
                rows.pack(units, stride: D, inner: count, columns: D)
            }
        }
    }
}

/// The contrastive loss of next-session prediction and its gradient (TBGRecall, arXiv:2508.11977).
///
/// For a target session with query `q` and unit item vectors `v`, at temperature `t`:
/// shown `mean_i softplus(floor - q·v_i / t)` with `floor = logsumexp_r(q·n_r / t)` over the shared negatives that are not
/// in the session; clicked and paid the same among the session's own items. Each is divided by its scene's normaliser.
final class NextSessionLoss {
    /// Where gradients go.
    struct Back {
        /// Rows `0 ..< C` of its stream take the gradient of the states.
        let space: BackwardSpace
        let shared: Gradients
        let tokens: TokenGradients.Piece
    }

    private static let tileRows = 64

    private let head = QueryHead()
    private let scores = FloatBuffer()
    private let queryGradient = FloatBuffer()
    private let projectedGradient = FloatBuffer()
    private let stateGradient = FloatBuffer()
    private let itemScore = FloatBuffer()
    private let itemGradient = FloatBuffer()
    /// Sums over the piece, already divided by the normalisers.
    private(set) var sums: [LossTerm: Double] = [:]

    /// Leaves the piece's loss in ``sums`` and, with `back`, adds its gradient there.
    ///
    /// - Parameters:
    ///   - states: `[C, D]`.
    ///   - units: `[slots, D]` unit item vectors.
    func run(
        _ piece: TrainingPiece, of batch: TrainingBatch, _ parameters: ModelParameters, states: Floats, units: Floats,
        negatives: PackedNegatives, _ back: Back? = nil
    ) {
        sums = [:]
        for m in 0..<parameters.settings.horizons {
            let targets = piece.targets(horizon: m)
            guard !targets.isEmpty else { continue }
            head.gather(states, rows: targets.map { $0 - m }, parameters)
            head.run(parameters, horizon: m)
            let D = parameters.settings.width
            queryGradient.zeros(targets.count * D)
            for begin in stride(from: 0, to: targets.count, by: Self.tileRows) {
                let tile = begin..<min(begin + Self.tileRows, targets.count)
                contrast(
                    piece, of: batch, parameters.settings, horizon: m, targets, tile, units: units,
                    negatives: negatives, back)
            }
            if let back { backward(parameters, horizon: m, targets, back) }
        }
    }

    private func contrast(
        _ piece: TrainingPiece, of batch: TrainingBatch, _ settings: ModelSettings, horizon m: Int, _ targets: [Int],
        _ tile: Range<Int>, units: Floats, negatives: PackedNegatives, _ back: Back?
    ) {
        let D = settings.width, R = batch.negatives.count
        let queries = head.units.pointer + tile.lowerBound * D
        let s = scores.reserve(tile.count * R)
        negatives.columns.multiply(queries, stride: D, rows: tile.count, into: s, stride: R)
        if !batch.corrections.isEmpty {
            batch.corrections.withUnsafeBufferPointer { corrections in
                // Scores are cosines here, and logits are cosines over the temperature.
                for row in 0..<tile.count {
                    for r in 0..<R { s[row * R + r] -= settings.temperature * corrections[r] }
                }
            }
        }
        for (row, t) in tile.enumerated() {
            let target = targets[t]
            let items = Int(piece.batch.firstItem[target])..<Int(piece.batch.firstItem[target + 1])
            let floorGradient = contrastOne(
                target, items, piece, batch, settings, horizon: m, query: queries + row * D,
                negatives: s + row * R, units: units, queryGradient: queryGradient.pointer + t * D,
                back?.tokens)
            Kernels.scale(s + row * R, by: floorGradient / settings.temperature, count: R)
        }
        guard let back else { return }
        negatives.rows.multiply(
            s, stride: R, rows: tile.count, into: queryGradient.pointer + tile.lowerBound * D, stride: D, .add)
        addOuter(
            s, R, queries, D, rows: tile.count, height: R, columns: D, to: back.shared.negatives.pointer, stride: D)
    }

    /// One target session: leaves softmax over its negatives in `negatives`, returns the gradient of their log-sum-exp.
    private func contrastOne(
        _ context: Int, _ items: Range<Int>, _ piece: TrainingPiece, _ batch: TrainingBatch, _ settings: ModelSettings,
        horizon: Int, query: Floats, negatives: Floats, units: Floats, queryGradient: Floats,
        _ tokens: TokenGradients.Piece?
    ) -> Float {
        let D = settings.width, t = settings.temperature
        for i in items {
            let slot = Int(piece.batch.item[i])
            for place in batch.firstPlace[slot]..<batch.firstPlace[slot + 1] {
                negatives[Int(batch.negativePlaces[Int(place)])] = -.infinity
            }
        }
        // They lie all over the batch, and are asked for while the negatives are summed up.
        for i in items { Kernels.fetch(units + Int(piece.batch.item[i]) * D, count: D) }
        let floor = Kernels.softmax(negatives, count: batch.negatives.count, scale: 1 / t)
        let scores = itemScore.reserve(items.count), slopes = itemGradient.zeros(items.count)
        for i in 0..<items.count {
            scores[i] = Kernels.dot(query, units + Int(piece.batch.item[items.lowerBound + i]) * D, count: D) / t
        }

        let scene = Int(piece.batch.scene[context]), weight = piece.weights[context]
        let floorGradient = piece.batch.action.withUnsafeBufferPointer { all in
            let target = Target(actions: UnsafeBufferPointer(rebasing: all[items]), scores: scores, slopes: slopes)
            var floorGradient: Float = 0
            for term in batch.terms where term.applies(horizon: horizon, actions: target.actions) {
                let share = weight / max(1, batch.normaliser(term, scene: scene))
                if term == .shown {
                    floorGradient = pull(target, floor, share, term)
                } else {
                    prefer(target, share, term)
                }
            }
            return floorGradient
        }
        guard let tokens else { return 0 }
        for i in 0..<items.count {
            let gradient = slopes[i] / t, item = items.lowerBound + i
            Kernels.add(units + Int(piece.batch.item[item]) * D, times: gradient, to: queryGradient, count: D)
            Kernels.add(query, times: gradient, to: tokens.targets + item * D, count: D)
        }
        return floorGradient
    }

    /// The items of one session: what the user did, logits, and the gradient of these, added to.
    private struct Target {
        let actions: UnsafeBufferPointer<UInt8>
        let scores: Floats
        let slopes: Floats
    }

    /// `share · mean over positives of softplus(floor - score)`; returns the gradient of `floor`.
    private func pull(_ target: Target, _ floor: Float, _ share: Float, _ term: LossTerm) -> Float {
        guard floor > -.infinity else { return 0 }
        var floorGradient: Float = 0, sum = 0.0
        let positives = target.actions.reduce(0) { $0 + (term.isPositive($1) ? 1 : 0) }
        let weight = share / Float(positives)
        for (i, action) in target.actions.enumerated() where term.isPositive(action) {
            let z = floor - target.scores[i]
            let e = exp(-abs(z)), p = (z > 0 ? 1 : e) / (1 + e)
            sum += Double(max(z, 0) + log1p(e))
            target.slopes[i] -= weight * p
            floorGradient += weight * p
        }
        sums[term, default: 0] += sum * Double(weight)
        return floorGradient
    }

    /// Positives against the rest of the same session: the rest's log-sum-exp is the floor.
    private func prefer(_ target: Target, _ share: Float, _ term: LossTerm) {
        var highest = -Float.infinity, total: Float = 0
        for (i, action) in target.actions.enumerated() where !term.isPositive(action) {
            highest = max(highest, target.scores[i])
        }
        for (i, action) in target.actions.enumerated() where !term.isPositive(action) {
            total += exp(target.scores[i] - highest)
        }
        let floor = highest + log(total)
        let floorGradient = pull(target, floor, share, term)
        for (i, action) in target.actions.enumerated() where !term.isPositive(action) {
            target.slopes[i] += floorGradient * exp(target.scores[i] - floor)
        }
    }

    /// `unit = normalise(states · W_m + b_m)`.
    private func backward(
        _ parameters: ModelParameters, horizon m: Int, _ targets: [Int], _ back: Back
    ) {
        let dense = back.shared.dense.pointer
        let D = parameters.settings.width, n = targets.count, layout = parameters.layout
        let dProjected = projectedGradient.reserve(n * D), dStates = stateGradient.reserve(n * D)
        Kernels.normaliseBackward(
            head.units.pointer, norm: head.norms.pointer, queryGradient.pointer, into: dProjected, rows: n, width: D)
        for i in 0..<n { Kernels.add(dProjected + i * D, to: dense + layout.horizonBias + m * D, count: D) }
        multiply(
            Operand(head.states.pointer, stride: D, transposed: true), Operand(dProjected, stride: D),
            into: dense + layout.horizon + m * D * D, stride: D, rows: D, columns: D, inner: n, keep: 1)
        multiply(
            Operand(dProjected, stride: D),
            Operand(parameters.dense.pointer + layout.horizon + m * D * D, stride: D, transposed: true), into: dStates,
            stride: D, rows: n, columns: D, inner: D)
        for (i, target) in targets.enumerated() {
            Kernels.add(dStates + i * D, to: back.space.stream.pointer + (target - m) * D, count: D)
        }
    }
}
