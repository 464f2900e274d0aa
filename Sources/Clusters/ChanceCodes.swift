import Domain
import Tensors

/// What codes of the same sizes make of vectors that point anywhere: clusters of item vectors mean something as far as
/// they explain more. A model that was trained too briefly still has the vectors that it began with.
enum ChanceCodes {
    /// Fewer than the items of a large catalogue: that many more would be explained a little less well.
    private static let most = 20_000

    static func explained(items: Int, width D: Int, settings: SemanticSettings, pool: WorkerPool) -> Double {
        let count = min(items, settings.sampleCount, most)
        var draw = SeededGenerator(seed: settings.seed, stream: 0xc3)
        let vectors = FloatBuffer(count * D)
        for i in 0..<count * D { vectors.pointer[i] = Float(draw.normal()) }
        let sample = ItemSample(vectors.pointer, count: count, width: D, settings: settings)
        let centroids = sample.learn(settings, from: .seeds, warmRounds: settings.warmRounds, pool: pool)
        return Quantiser(centroids, width: D).code(vectors.pointer, count: count, pool: pool).explained
    }
}
