import Domain
import Model
import Tensors
import Testing

/// The network of queries against the one that training runs.
@Suite struct FrozenNetworkTests {
    private func queries(
        _ model: DrawnModel, _ histories: [TokenHistory], _ requests: [PackedBatch.Request],
        lookupBytes: Int = FrozenNetwork.lookupBytes
    ) -> [[Float]] {
        let batch = PackedBatch(histories, requests: requests, buckets: model.buckets), D = model.width
        let out = FloatBuffer(histories.count * D)
        FrozenNetwork(
            model.parameters, items: model.vectors.sums, pool: WorkerPool(workers: 2), lookupBytes: lookupBytes
        ).run(batch, into: out.pointer, space: QuerySpace())
        return (0..<histories.count).map { Array(UnsafeBufferPointer(start: out.pointer + $0 * D, count: D)) }
    }

    private func trained(_ model: DrawnModel, _ histories: [TokenHistory], _ requests: [PackedBatch.Request])
        -> [[Float]]
    {
        let (batch, contexts, _) = model.rows(histories, requests: requests)
        let head = QueryHead(), states = FloatBuffer(contexts.count * model.width)
        for (c, row) in contexts.enumerated() {
            for (i, x) in row.enumerated() { states.pointer[c * model.width + i] = x }
        }
        head.gather(
            states.pointer, rows: (0..<batch.users).map { Int(batch.firstContext[$0 + 1]) - 1 }, model.parameters)
        head.run(model.parameters, horizon: 0)
        return (0..<histories.count).map {
            Array(UnsafeBufferPointer(start: head.units.pointer + $0 * model.width, count: model.width))
        }
    }

    @Test(arguments: [1, 2, 3], [(1, 3), (6, 7), (30, 1), (3, 70), (40, 12)])
    func queriesAreThoseOfTheTrainedNetwork(blocks: Int, _ size: (sessions: Int, longest: Int)) {
        expectQueries(of: DrawnModel(seed: UInt64(blocks), blocks: blocks), size)
    }

    @Test(arguments: [1, 2], [1, 4, 24]) func queriesOfExpertsAreThoseOfTheTrainedNetwork(blocks: Int, experts: Int) {
        expectQueries(of: DrawnModel(seed: UInt64(experts), blocks: blocks, experts: experts), (6, 7))
    }

    @Test(arguments: [1, 2]) func queriesWithAnchorsAreThoseOfTheTrainedNetwork(blocks: Int) {
        expectQueries(of: DrawnModel(seed: UInt64(blocks), blocks: blocks, anchors: 3), (6, 7))
    }

    @Test(arguments: [1, 2]) func queriesWithoutScenesAreThoseOfTheTrainedNetwork(blocks: Int) {
        expectQueries(of: DrawnModel(seed: UInt64(blocks), blocks: blocks, anchors: 3, readsScenes: false), (6, 7))
    }

    private func expectQueries(of model: DrawnModel, _ size: (sessions: Int, longest: Int)) {
        var histories = (0..<5).map { drawnHistory(seed: $0, sessions: size.sessions, longest: size.longest) }
        if model.parameters.settings.anchors > 0 {
            let scene = model.parameters.settings.anchorScene
            for i in histories.indices {
                histories[i] = histories[i].withAnchors([4, 9, 1], scene: scene, before: i + 2)
            }
        }
        // Somebody of whom nothing is known.
        histories.insert(TokenHistory(), at: 2)
        let requests = histories.indices.map { PackedBatch.Request(time: 1_800_000_000, scene: Int32($0 % 3)) }
        let wanted = trained(model, histories, requests)
        // The first block looked up, and multiplied out.
        for lookupBytes in [FrozenNetwork.lookupBytes, 0] {
            let found = queries(model, histories, requests, lookupBytes: lookupBytes)
            #expect(difference(found, wanted) < 2e-5)
            // Whoever is in the batch beside a user changes no bit.
            for (i, history) in histories.enumerated() {
                #expect(queries(model, [history], [requests[i]], lookupBytes: lookupBytes) == [found[i]])
            }
        }
    }

    @Test(arguments: [(8, 1), (24, 2), (64, 2), (128, 4), (96, 1)])
    func widthsThatFillNoVectorAndThoseThatFillSeveralAgree(width: Int, heads: Int) {
        let model = DrawnModel(seed: 9, blocks: 2, width: width, heads: heads)
        let histories = (0..<4).map { drawnHistory(seed: $0, sessions: 9, longest: 11) }
        let requests = histories.map { _ in PackedBatch.Request(time: 1_800_000_000, scene: 1) }
        for lookupBytes in [FrozenNetwork.lookupBytes, 0] {
            let found = queries(model, histories, requests, lookupBytes: lookupBytes)
            #expect(difference(found, trained(model, histories, requests)) < 5e-5)
        }
    }
}
