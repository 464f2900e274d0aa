import Domain
import Model
import Tensors
import Testing
import Training

/// Parts of the model and of its loss that can be left out.
@Suite struct SwitchTests {
    private let vocabulary = Drawn.vocabulary(items: 20)
    private let histories: [TokenHistory]

    init() {
        var generator = SeededGenerator(seed: 11)
        histories = (0..<12).map { _ in
            Drawn.history(items: 20, sessions: 3, endsAt: 1_700_000_000, &generator)
        }
    }

    private func parameters(_ change: (inout ModelSettings) -> Void = { _ in }) -> ModelParameters {
        var settings = Drawn.settings(vocabulary)
        settings.horizons = 1
        change(&settings)
        let parameters = ModelParameters(settings, seed: 3)
        var generator = SeededGenerator(seed: 5)
        // Larger than at the start, so that every path matters.
        for i in 0..<parameters.dense.count { parameters.dense.pointer[i] += Float(generator.normal()) * 0.1 }
        return parameters
    }

    /// - Parameter counts: whether a session of a scene is a target.
    private func loss(
        _ parameters: ModelParameters, of histories: [TokenHistory]? = nil, terms: [LossTerm] = LossTerm.allCases,
        normalisesByScene: Bool = true, counts: (Int32) -> Bool = { _ in true }
    ) -> [LossTerm: Double] {
        let histories = histories ?? self.histories
        let batch = TrainingBatch(
            histories, weights: histories.map { $0.sessions.map { counts($0.scene) ? 1 : 0 } },
            negatives: [3, 7, 11, 15], terms: terms, normalisesByScene: normalisesByScene,
            settings: parameters.settings, buckets: TimeBuckets(count: 64))
        return BatchGradient(
            parameters, category: vocabulary.category, seller: vocabulary.seller, pool: WorkerPool(workers: 2)
        ).loss(batch)
    }

    @Test func withoutPreferenceTheLossIsThatOfWhatWasShown() {
        let parameters = parameters(), all = loss(parameters), alone = loss(parameters, terms: [.shown])
        #expect(all[.clicked]! > 0 && all[.paid]! > 0)
        #expect(alone[.clicked] == 0 && alone[.paid] == 0 && alone[.shown] == all[.shown])
    }

    @Test func togetherEachSceneCountsByItsTargets() {
        let parameters = parameters()
        var sum = 0.0, targets = 0.0
        for scene in 0..<3 as Range<Int32> {
            let own = histories.flatMap(\.sessions).count { $0.scene == scene }
            #expect(own > 0)
            sum += Double(own) * loss(parameters, terms: [.shown]) { $0 == scene }[.shown]!
            targets += Double(own)
        }
        let together = loss(parameters, terms: [.shown], normalisesByScene: false)[.shown]!
        #expect(abs(together - sum / targets) < 1e-5 * together)
        #expect(abs(together - loss(parameters, terms: [.shown])[.shown]!) > 0.1 * together)
    }

    @Test func aModelThatIsNotToldTheSceneTakesThemAllForOne() {
        let told = parameters(), not = parameters { $0.readsScenes = false }
        let others = histories.map { history in
            var other = history
            for i in other.sessions.indices { other.sessions[i].scene = (other.sessions[i].scene + 1) % 3 }
            return other
        }
        #expect(loss(told, normalisesByScene: false) != loss(told, of: others, normalisesByScene: false))
        #expect(loss(not, normalisesByScene: false) == loss(not, of: others, normalisesByScene: false))
    }

    @Test func gradientsWithoutScenesMatchCentralDifferences() {
        let parameters = parameters {
            $0.readsScenes = false
            $0.anchors = 2
        }
        let scene = parameters.settings.anchorScene
        let batch = TrainingBatch(
            histories.map { $0.withAnchors([1, 2], scene: scene, before: 2) },
            weights: histories.map { _ in [1, 1, 0, 1] }, negatives: [3, 7, 11], settings: parameters.settings,
            buckets: TimeBuckets(count: 64))
        let gradient = BatchGradient(
            parameters, category: vocabulary.category, seller: vocabulary.seller, pool: WorkerPool(workers: 1))
        _ = gradient.run(batch, dropout: 0, seed: 0)
        let found = Array(gradient.dense.values), D = parameters.settings.width
        for i in 0..<4 * D {
            let place = parameters.dense.pointer + parameters.layout.scene + i, before = place.pointee
            func loss(_ step: Float) -> Double {
                place.pointee = before + step
                defer { place.pointee = before }
                return gradient.loss(batch).values.reduce(0, +)
            }
            let wanted = Float((loss(4e-3) - loss(-4e-3)) / 8e-3)
            #expect(abs(found[parameters.layout.scene + i] - wanted) < 2e-3 + 0.02 * abs(wanted), "scene \(i / D)")
            // Rows of the scenes that are not told apart do nothing; the first stands for all, the last is that of anchors.
            if i >= D, i < 3 * D { #expect(found[parameters.layout.scene + i] == 0) }
        }
        #expect((3 * D..<4 * D).contains { abs(found[parameters.layout.scene + $0]) > 1e-4 })
    }

    @Test func withoutSideInformationAnItemIsItsOwnRow() throws {
        let corpus = Drawn.corpus(users: 60, items: 20)
        var settings = TrainingSettings()
        (settings.epochs, settings.negatives, settings.patience, settings.learningRate) = (2, 10, 0, 5e-3)
        for has in [true, false] {
            let parameters = parameters { $0.hasSideInformation = has }
            _ = try Trainer(
                settings, parameters, corpus: corpus, vocabulary: vocabulary, asOf: 1_700_000_000,
                pool: WorkerPool(workers: 2)
            ).run(checkpoint: nil) { _ in }
            let vectors = ItemVectors(all: parameters, category: vocabulary.category, seller: vocabulary.seller)
            #expect((Array(vectors.sums.values) == Array(parameters.item.values)) == !has)
            #expect(parameters.category.values.contains { $0 != 0 } == has)
            #expect(parameters.seller.values.contains { $0 != 0 } == has)
        }
    }
}
