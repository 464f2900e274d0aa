import Domain
import Model
import Tensors
import Testing
import Training

/// The hand-written backward pass against central differences of the forward pass, on shapes that the golden file lacks.
@Suite struct GradientTests {
    /// With and without what popular negatives are corrected by.
    @Test(arguments: [1, 2, 3], [[], [0.5, -1, 1.5, 0.25, -2]] as [[Float]])
    func gradientsMatchCentralDifferences(blocks: Int, corrections: [Float]) {
        check(blocks: blocks, corrections: corrections)
    }

    /// One that all tokens share and one that they are routed to; several; more than there are tokens.
    @Test(arguments: [1, 2], [1, 2, 5, 60]) func gradientsOfExpertsMatchCentralDifferences(blocks: Int, experts: Int) {
        check(blocks: blocks, experts: experts)
    }

    private func check(blocks: Int, corrections: [Float] = [], experts: Int = 0) {
        let vocabulary = Drawn.vocabulary(items: 20)
        let parameters = ModelParameters(Drawn.settings(vocabulary, blocks: blocks, experts: experts), seed: 3)
        var generator = SeededGenerator(seed: UInt64(blocks))
        // Larger than at the start, so that every path matters.
        for i in 0..<parameters.dense.count { parameters.dense.pointer[i] += Float(generator.normal()) * 0.1 }
        let histories = (0..<5).map { _ in
            Drawn.history(items: 20, sessions: 1 + generator.below(5), endsAt: 1_700_000_000, &generator)
        }
        let batch = TrainingBatch(
            histories, weights: histories.map { $0.sessions.map { _ in 0.25 + Float(generator.uniform()) } },
            negatives: [3, 7, 7, 11, 15], corrections: corrections, settings: parameters.settings,
            buckets: TimeBuckets(count: 64))
        let gradient = BatchGradient(
            parameters, category: vocabulary.category, seller: vocabulary.seller, pool: WorkerPool(workers: 2))
        func loss() -> Double { gradient.loss(batch).values.reduce(0, +) }
        _ = gradient.run(batch, dropout: 0, seed: 0)
        var checked = 0, jumps = 0
        let dense = Array(gradient.dense.values), slots = Array(gradient.slots.values)

        func check(_ place: Floats, _ found: Float, _ name: String) {
            let before = place.pointee
            func difference(_ step: Float) -> Float {
                place.pointee = before + step
                let up = loss()
                place.pointee = before - step
                let down = loss()
                place.pointee = before
                return Float((up - down) / Double(2 * step))
            }
            let wanted = difference(4e-3)
            checked += 1
            // A token that goes to another expert within the step is a step in the loss, which has no slope there.
            if experts > ExpertMixture.most, abs(difference(1e-3) - wanted) > 0.002 + 0.02 * abs(wanted) {
                jumps += 1
                return
            }
            #expect(abs(found - wanted) < 2e-3 + 0.02 * abs(wanted), "\(name): \(found), differences say \(wanted)")
        }
        for entry in parameters.layout.entries {
            for _ in 0..<6 {
                let i = entry.offset + generator.below(entry.count)
                check(parameters.dense.pointer + i, dense[i], "\(entry.name)[\(i - entry.offset)]")
            }
        }
        let D = parameters.settings.width
        for (slot, item) in batch.slots.enumerated() {
            let i = generator.below(D)
            check(parameters.item.pointer + Int(item) * D + i, slots[slot * D + i], "item \(item)[\(i)]")
        }
        #expect(jumps < checked / 4, "\(jumps) of \(checked)")
    }

    /// `weight · experts · Σ share of places · mean share of rows`, of which the mean share is what has a slope.
    @Test func theBalanceOfExpertsHasItsGradient() {
        let experts = 4, weight: Float = 3, vocabulary = Drawn.vocabulary(items: 20)
        let parameters = ModelParameters(Drawn.settings(vocabulary, blocks: 1, experts: experts), seed: 3)
        var generator = SeededGenerator(seed: 4)
        for i in 0..<parameters.dense.count { parameters.dense.pointer[i] += Float(generator.normal()) * 0.1 }
        let histories = (0..<5).map { _ in
            Drawn.history(items: 20, sessions: 1 + generator.below(5), endsAt: 1_700_000_000, &generator)
        }
        let batch = TrainingBatch(
            histories, weights: histories.map { $0.sessions.map { _ in 1 } }, negatives: [3, 7, 11],
            settings: parameters.settings, buckets: TimeBuckets(count: 64))
        #expect(batch.pieces.count == 1)
        func gradient(_ balance: Float) -> [Float] {
            let gradient = BatchGradient(
                parameters, category: vocabulary.category, seller: vocabulary.seller, balance: balance,
                pool: WorkerPool(workers: 2))
            _ = gradient.run(batch, dropout: 0, seed: 0)
            return Array(gradient.dense.values)
        }
        func shares() -> (used: [Float], mean: [Float]) {
            let vectors = ItemVectors(), space = Workspace()
            vectors.fill(
                rows: batch.slots, parameters, category: vocabulary.category, seller: vocabulary.seller)
            let piece = batch.pieces[0].batch
            NextSessionNetwork(parameters).run(piece, embeddings: vectors.sums.pointer, mode: .exact, space: space)
            let experts = space.layers[0].experts, rows = piece.contexts, all = experts.shares.values
            return (
                (0..<4).map { Float(experts.routing.places(of: $0).count) / Float(experts.routing.rows.count) },
                (0..<4).map { e in (0..<rows).reduce(0) { $0 + all[$1 * 4 + e] } / Float(rows) }
            )
        }
        let used = shares().used, with = gradient(weight), without = gradient(0)
        #expect(Set(used).count > 1, "all used alike: \(used)")
        let at = parameters.layout.blocks[0].experts!.router
        for i in stride(from: 0, to: parameters.settings.width * experts, by: 3) {
            let place = parameters.dense.pointer + at + i, before = place.pointee, step: Float = 4e-3
            func balance(_ value: Float) -> Float {
                place.pointee = value
                return weight * Float(experts) * zip(used, shares().mean).reduce(0) { $0 + $1.0 * $1.1 }
            }
            let wanted = (balance(before + step) - balance(before - step)) / (2 * step)
            place.pointee = before
            let found = with[at + i] - without[at + i]
            #expect(abs(found - wanted) < 2e-3 + 0.02 * abs(wanted), "router[\(i)]: \(found), \(wanted)")
        }
    }

    @Test func dropoutIsTheSameOnTheWayBack() {
        // With one batch and a fixed seed the dropped loss is a smooth function too: a small step against the gradient
        // must lower it by about |gradient|² · step.
        let vocabulary = Drawn.vocabulary(items: 12)
        let parameters = ModelParameters(Drawn.settings(vocabulary), seed: 8)
        var generator = SeededGenerator(seed: 2)
        let histories = (0..<4).map { _ in
            Drawn.history(items: 12, sessions: 4, endsAt: 1_700_000_000, &generator)
        }
        let batch = TrainingBatch(
            histories, weights: histories.map { $0.sessions.map { _ in 1 } }, negatives: Array(0..<12),
            settings: parameters.settings, buckets: TimeBuckets(count: 64))
        let gradient = BatchGradient(
            parameters, category: vocabulary.category, seller: vocabulary.seller, pool: WorkerPool(workers: 2))
        let before = gradient.run(batch, dropout: 0.4, seed: 77).values.reduce(0, +)
        let slope = gradient.dense.values.reduce(0.0) { $0 + Double($1) * Double($1) }
        let step = 1e-3 / slope.squareRoot()
        for i in 0..<parameters.dense.count {
            parameters.dense.pointer[i] -= Float(step) * gradient.dense.pointer[i]
        }
        let after = gradient.run(batch, dropout: 0.4, seed: 77).values.reduce(0, +)
        #expect(abs((before - after) / (slope * step) - 1) < 0.05)
        let other = gradient.run(batch, dropout: 0.4, seed: 78).values.reduce(0, +)
        #expect(other != after)
    }
}
