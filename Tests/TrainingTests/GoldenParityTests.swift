import Domain
import Model
import Tensors
import Testing
import Training

/// The Swift network, loss and gradients against PyTorch's, to 1e-4 of each tensor's largest number.
@Suite struct GoldenParityTests {
    let golden: GoldenCase
    var settings: ModelSettings { golden.parameters.settings }
    var buckets: TimeBuckets { TimeBuckets(count: settings.timeBuckets) }

    init() throws { golden = try GoldenCase() }

    @Test func statesAndVectorsOfEveryUserAgree() throws {
        let vectors = ItemVectors(all: golden.parameters, category: golden.category, seller: golden.seller)
        let batch = PackedBatch(golden.histories, buckets: buckets)
        let space = Workspace(), head = QueryHead()
        NextSessionNetwork(golden.parameters).run(
            batch, embeddings: vectors.sums.pointer, mode: .exact, space: space)
        for user in golden.histories.indices {
            let rows = Array(Int(batch.firstContext[user])..<Int(batch.firstContext[user + 1]))
            head.gather(space.stream.pointer, rows: rows, golden.parameters)
            #expect(relativeError(Array(head.states.values), try golden.floats("user\(user).states")) < 1e-4)
            for m in 0..<settings.horizons {
                head.run(golden.parameters, horizon: m)
                #expect(relativeError(Array(head.units.values), try golden.floats("user\(user).vectors\(m)")) < 1e-4)
            }
        }
    }

    @Test(arguments: [1, 3]) func lossAndEveryGradientAgree(threads: Int) throws {
        let gradient = BatchGradient(
            golden.parameters, category: golden.category, seller: golden.seller, pool: WorkerPool(workers: threads))
        let batch = TrainingBatch(
            golden.histories, weights: golden.histories.map { $0.sessions.map { _ in 1 } },
            negatives: golden.negatives, settings: settings, buckets: buckets)
        let loss = gradient.run(batch, dropout: 0, seed: 0)
        for (term, name) in [(LossTerm.shown, "nce"), (.clicked, "click"), (.paid, "pay")] {
            #expect(relativeError([Float(loss[term]!)], try golden.floats("loss.\(name)")) < 1e-4, "loss.\(name)")
        }
        for entry in golden.parameters.layout.entries {
            let found = Array(gradient.dense.values[entry.offset..<entry.offset + entry.count])
            #expect(relativeError(found, try golden.floats("grad.\(entry.name)")) < 1e-4, "\(entry.name)")
        }
        let D = settings.width
        for (name, rows, rowOf) in [
            ("item", settings.items, Array(0..<Int32(settings.items))),
            ("category", settings.categories, golden.category),
            ("seller", settings.sellers, golden.seller),
        ] {
            var found = [Float](repeating: 0, count: rows * D)
            for (slot, item) in batch.slots.enumerated() {
                for i in 0..<D { found[Int(rowOf[Int(item)]) * D + i] += gradient.slots.pointer[slot * D + i] }
            }
            #expect(relativeError(found, try golden.floats("grad.\(name)")) < 1e-4, "\(name)")
        }
    }
}
