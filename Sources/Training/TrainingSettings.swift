/// How to train; with the seed and the corpus it decides every bit of the model.
package struct TrainingSettings: Codable, Equatable, Sendable {
    package var epochs = 10
    package var usersPerBatch = 32
    /// `R`: catalogue rows drawn for each batch, shared by all its positions.
    package var negatives = 2048
    /// Whether negatives are drawn as often as they were had, corrected for that (``NegativeSampler``), instead of alike.
    package var samplesByPopularity = false
    package var learningRate: Float = 5e-4
    package var weightDecay: Float = 0
    package var dropout: Float = 0.5
    /// Days after which a session weighs half as a target; 0 weighs all alike.
    package var halfLifeDays: Double = 60
    /// Whether clicked items are drawn before only shown ones, and paid ones before clicked (``LossTerm``).
    package var prefers = false
    /// Whether each scene's loss is divided by its own targets, not by those of all.
    package var normalisesByScene = true
    /// Whether item embeddings start from what the same users had (``SpectralStart``), and not drawn at random.
    package var spectralStart = true
    /// Only sessions that began after this are targets, in epoch seconds; nil for all.
    package var targetsAfter: Int64?
    /// Tokens of history that a user is read with.
    package var tokensPerUser = 512
    package var itemsPerSession = 64
    /// Between 1 and 2: how far long histories are thinned in a pass (``StochasticLength``); 2: not at all.
    package var lengthAlpha = 2.0
    /// Epochs without better held-out lists before training stops; 0 never stops early.
    package var patience = 6
    package var seed: UInt64 = 1

    package init() {}
}
