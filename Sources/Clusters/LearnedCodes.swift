import Tensors

/// Centroids for tonight's vectors, by as little change of last night's as they allow, and the codes under them.
struct LearnedCodes {
    let start: SemanticReport.Start
    /// Without cluster numbers.
    let codebook: SemanticCodebook
    let coded: CodedItems
    private(set) var explainedByPrevious: Double?

    /// The previous centroids are kept while they explain at least this share of what they did when they were learned.
    private static let keptAbove = 0.98
    /// Below this share the vectors have turned since (another training from scratch), and nothing can be refined: the
    /// centroids of other axes explain next to nothing.
    private static let refinedAbove = 0.5

    init(
        _ vectors: UnsafePointer<Float>, count: Int, width D: Int, settings: SemanticSettings,
        previous: SemanticCodebook?, pool: WorkerPool
    ) {
        let tried = previous.flatMap { $0.fits(settings, width: D) ? $0 : nil }.map { previous in
            (previous, coded: Quantiser(previous.centroids, width: D).code(vectors, count: count, pool: pool))
        }
        explainedByPrevious = tried?.coded.explained
        start = tried.map { Self.start($0, $1) } ?? (previous == nil ? .cold : .otherShape)
        var centroids: [[Float]], explained: Double
        if let (previous, kept) = tried, start == .kept {
            centroids = previous.centroids
            coded = kept
            // Not tonight's: many small losses must add up to one that is noticed.
            explained = previous.explainedWhenLearned
        } else {
            let sample = ItemSample(vectors, count: count, width: D, settings: settings)
            centroids = sample.learn(settings, from: start == .refined ? previous?.centroids : nil, pool: pool)
            coded = Quantiser(centroids, width: D).code(vectors, count: count, pool: pool)
            explained = coded.explained
        }
        codebook = SemanticCodebook(
            settings: settings, width: D, centroids: centroids, numbers: ClusterNumbers(prefixes: settings.clusters),
            explainedWhenLearned: explained)
    }

    private static func start(_ previous: SemanticCodebook, _ coded: CodedItems) -> SemanticReport.Start {
        if coded.explained >= keptAbove * previous.explainedWhenLearned { return .kept }
        return coded.explained >= refinedAbove * previous.explainedWhenLearned ? .refined : .turned
    }
}

extension SemanticCodebook {
    /// Whether its centroids can be tried on such vectors under such settings.
    fileprivate func fits(_ settings: SemanticSettings, width: Int) -> Bool {
        self.width == width && self.settings.sizes == settings.sizes && self.settings.prefix == settings.prefix
    }
}
