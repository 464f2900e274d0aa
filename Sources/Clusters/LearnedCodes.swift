import Tensors

/// Centroids for tonight's vectors, with as little change of last night's clusters as they allow, and the codes under
/// them.
struct LearnedCodes {
    private(set) var start: SemanticReport.Start
    private(set) var centroids: [[Float]]
    private(set) var coded: CodedItems
    /// What the next night measures itself by. Not tonight's figure while the centroids are kept or only turned: many
    /// small losses must add up to one that is noticed.
    private(set) var explainedWhenLearned: Double
    private(set) var explainedByPrevious: Double?

    /// The previous centroids are kept while they explain at least this share of what they did when they were learned.
    private static let keptAbove = 0.98
    /// Below this share the vectors have turned since (another training from scratch): centroids in other axes explain
    /// next to nothing.
    private static let refinedAbove = 0.5

    init(
        _ vectors: UnsafePointer<Float>, count: Int, width D: Int, settings: SemanticSettings,
        previous: SemanticFit.Previous?, pool: WorkerPool
    ) {
        let learning = Learning(vectors: vectors, count: count, D: D, settings: settings, pool: pool)
        guard let previous, previous.codebook.fits(settings, width: D) else {
            (centroids, coded) = learning.learn(.seeds, rounds: settings.rounds)
            start = previous == nil ? .cold : .otherShape
            explainedWhenLearned = coded.explained
            return
        }
        start = .kept
        (centroids, coded) = learning.code(previous.codebook.centroids)
        explainedByPrevious = coded.explained
        explainedWhenLearned = previous.codebook.explainedWhenLearned
        if coded.explained < Self.keptAbove * explainedWhenLearned { learnAgain(learning, previous) }
    }

    private mutating func learnAgain(_ learning: Learning, _ previous: SemanticFit.Previous) {
        var first = ItemSample.Start.centroids(previous.codebook.centroids)
        start = .refined
        if coded.explained < Self.refinedAbove * explainedWhenLearned {
            start = .turned
            first = previous.clusterOfItem.map { .items(previous.codebook.digits(ofClusters: $0)) } ?? .seeds
            // Every round moves items: where the items of each old cluster still lie together, none is needed.
            (centroids, coded) = learning.learn(first, rounds: 0)
            guard coded.explained < Self.keptAbove * explainedWhenLearned else { return }
        }
        (centroids, coded) = learning.learn(first, rounds: learning.settings.warmRounds)
        explainedWhenLearned = coded.explained
    }

    /// Tonight's vectors and how to learn from them.
    private struct Learning {
        let vectors: UnsafePointer<Float>
        let count: Int
        let D: Int
        let settings: SemanticSettings
        let pool: WorkerPool

        func learn(_ first: ItemSample.Start, rounds: Int) -> (centroids: [[Float]], coded: CodedItems) {
            let sample = ItemSample(vectors, count: count, width: D, settings: settings)
            return code(sample.learn(settings, from: first, warmRounds: rounds, pool: pool))
        }

        func code(_ centroids: [[Float]]) -> (centroids: [[Float]], coded: CodedItems) {
            (centroids, Quantiser(centroids, width: D).code(vectors, count: count, pool: pool))
        }
    }
}

extension SemanticCodebook {
    /// Whether its centroids can be tried on such vectors under such settings.
    fileprivate func fits(_ settings: SemanticSettings, width: Int) -> Bool {
        self.width == width && self.settings.sizes == settings.sizes && self.settings.prefix == settings.prefix
    }
}
