import Domain
import Model
import Tensors

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// Why training ended without a model.
package enum TrainingError: Error, Equatable, CustomStringConvertible {
    case noSessions
    case diverged(epoch: Int, rate: Float)

    package var description: String {
        switch self {
        case .noSessions:
            "no user has a session with a known item before the as-of instant; import events, or move --as-of"
        case .diverged(let epoch, let rate):
            "the loss is not finite in epoch \(epoch) at learning rate \(rate); lower --learning-rate"
        }
    }
}

/// How far training is, for whoever watches.
package struct TrainingProgress: Sendable {
    package var epoch: Int
    package var epochs: Int
    package var usersDone: Int
    package var users: Int
    /// Mean loss of the epoch so far.
    package var loss: Double
    /// NDCG@100 of the held-out sessions, known when an epoch has ended.
    package var heldOutNDCG: Double?
}

/// What came out of training besides the parameters.
package struct TrainingOutcome: Sendable {
    package var epochs: Int
    package var bestEpoch: Int
    package var loss: Double
    package var heldOutNDCG: Double?
    package var heldOutTargets: Int
    package var resumedAfterEpoch: Int
    package var tokensTrained: Int

    /// Of a training that found nothing to learn from.
    package static let nothing = TrainingOutcome(
        epochs: 0, bestEpoch: 0, loss: 0, heldOutTargets: 0, resumedAfterEpoch: 0, tokensTrained: 0)
}

/// Trains a next-session model: length-bucketed batches, AdamW, a rate that falls to zero, early stop on held-out sessions.
package final class Trainer {
    private let settings: TrainingSettings
    private let parameters: ModelParameters
    private let vocabulary: Vocabulary
    private let pool: WorkerPool
    private let asOf: Int64
    private let holdout: Holdout
    private let users: Int
    private let gradient: BatchGradient
    private let optimiser: Optimiser
    private let ranking: HeldOutRanking
    private let buckets: TimeBuckets
    private let sampler: NegativeSampler
    private let length: StochasticLength
    /// nil where the model reads none.
    private let anchors: SessionAnchors?
    /// What Switch Transformers (arXiv:2101.03961) give the balance of experts.
    private static let balance: Float = 0.01

    /// - Parameters:
    ///   - parameters: at their start; they hold the model when ``run`` returns.
    ///   - asOf: epoch seconds from which the age of targets is counted.
    package init(
        _ settings: TrainingSettings, _ parameters: ModelParameters, corpus: TrainingCorpus, vocabulary: Vocabulary,
        asOf: Int64, pool: WorkerPool
    ) throws(TrainingError) {
        guard !corpus.histories.isEmpty else { throw .noSessions }
        self.settings = settings
        self.parameters = parameters
        self.vocabulary = vocabulary
        self.asOf = asOf
        self.pool = pool
        precondition(
            parameters.settings.anchors == 0 || corpus.anchors != nil, "a model that reads anchors needs them found")
        anchors = parameters.settings.anchors > 0 ? corpus.anchors : nil
        holdout = Holdout(corpus, asOf: asOf, isWanted: settings.patience > 0)
        users = corpus.histories.count
        length = StochasticLength(tokens: settings.tokensPerUser, alpha: settings.lengthAlpha)
        sampler = NegativeSampler(
            items: vocabulary.count, count: settings.negatives,
            popularityOf: settings.samplesByPopularity ? holdout.training : nil)
        gradient = BatchGradient(
            parameters, category: vocabulary.category, seller: vocabulary.seller,
            balance: parameters.settings.experts > 0 ? Self.balance : 0, pool: pool)
        optimiser = Optimiser(parameters, category: vocabulary.category, seller: vocabulary.seller, pool: pool)
        ranking = HeldOutRanking(parameters, vocabulary: vocabulary, pool: pool)
        buckets = TimeBuckets(count: parameters.settings.timeBuckets)
    }

    /// - Parameters:
    ///   - checkpoint: a file to go on from and to leave behind after every epoch, and what names this training.
    ///   - progress: called after every batch, and now and then before the first; what it throws stops the training (the last checkpoint stays).
    package func run(
        checkpoint: (path: String, fingerprint: String)?, progress: (TrainingProgress) throws -> Void
    ) throws -> TrainingOutcome {
        let best = ModelParameters(parameters.settings)
        best.copy(from: parameters)
        var state = TrainingCheckpoint()
        if let checkpoint {
            state =
                TrainingCheckpoint(
                    path: checkpoint.path, fingerprint: checkpoint.fingerprint, into: parameters, optimiser, best: best)
                ?? state
        }
        let resumedAfter = state.epoch
        if resumedAfter == 0, settings.spectralStart {
            try start(progress)
            best.copy(from: parameters)
        }
        var tokens = 0
        while state.epoch < settings.epochs, !isOverdue(state) {
            let epoch = state.epoch + 1
            (state.lastLoss, tokens) = try train(epoch: epoch, progress)
            guard parameters.areFinite else { throw TrainingError.diverged(epoch: epoch, rate: settings.learningRate) }
            state.epoch = epoch
            state.steps = optimiser.steps
            let heldOut = heldOutNDCG()
            if let heldOut { state.figures.append(heldOut) }
            // Without a holdout the last epoch is the best.
            let figure = heldOut == nil ? Double(epoch) : state.smoothFigure
            if figure > state.best {
                state.best = figure
                state.bestEpoch = epoch
                best.copy(from: parameters)
            }
            if let checkpoint {
                try state.write(
                    to: checkpoint.path, fingerprint: checkpoint.fingerprint, parameters, optimiser, best: best)
            }
            try progress(
                TrainingProgress(
                    epoch: epoch, epochs: settings.epochs, usersDone: users, users: users, loss: state.lastLoss,
                    heldOutNDCG: heldOut))
        }
        parameters.copy(from: best)
        return TrainingOutcome(
            epochs: state.epoch, bestEpoch: state.bestEpoch, loss: state.lastLoss,
            heldOutNDCG: holdout.targets > 0 ? state.best : nil, heldOutTargets: holdout.targets,
            resumedAfterEpoch: resumedAfter, tokensTrained: tokens)
    }

    /// Item vectors from what the same users had, as long as those that are drawn.
    private func start(_ progress: (TrainingProgress) throws -> Void) throws {
        let begun = TrainingProgress(epoch: 1, epochs: settings.epochs, usersDone: 0, users: users, loss: 0)
        try SpectralStart(holdout.training, items: vocabulary.count, pool: pool).write(
            to: parameters.item.pointer, width: parameters.settings.width,
            norm: Float(ModelParameters.itemDeviation) * Float(parameters.settings.width).squareRoot(),
            seed: settings.seed
        ) { try progress(begun) }
    }

    private func isOverdue(_ state: TrainingCheckpoint) -> Bool {
        holdout.targets > 0 && state.epoch - state.bestEpoch >= settings.patience && settings.patience > 0
    }

    private func train(
        epoch: Int, _ progress: (TrainingProgress) throws -> Void
    ) throws -> (loss: Double, tokens: Int) {
        let plan = batches(epoch: epoch)
        var sum = 0.0, done = 0, tokens = 0
        for (number, batchUsers) in plan.enumerated() {
            var draw = SeededGenerator(seed: settings.seed, stream: 2, UInt64(epoch), UInt64(number))
            let histories = batchUsers.map { history(of: $0, &draw) }
            let negatives = sampler.draw(&draw)
            let batch = TrainingBatch(
                histories, weights: histories.map(weights), negatives: negatives.rows,
                corrections: negatives.corrections, terms: settings.prefers ? LossTerm.allCases : [.shown],
                normalisesByScene: settings.normalisesByScene, settings: parameters.settings, buckets: buckets,
                pool: pool)
            let terms = gradient.run(batch, dropout: settings.dropout, seed: draw.next())
            // In a fixed order: a dictionary's own differs from process to process, and so would the last bit.
            let loss = LossTerm.allCases.reduce(0.0) { $0 + (terms[$1] ?? 0) }
            // Falls to zero, batch by batch.
            let share = (Float(epoch - 1) + Float(number) / Float(plan.count)) / Float(settings.epochs)
            guard loss.isFinite else { throw TrainingError.diverged(epoch: epoch, rate: settings.learningRate) }
            optimiser.step(batch, gradient, rate: settings.learningRate * (1 - share), decay: settings.weightDecay)
            sum += loss
            done += batchUsers.count
            tokens += histories.reduce(0) { $0 + $1.tokens }
            try progress(
                TrainingProgress(
                    epoch: epoch, epochs: settings.epochs, usersDone: done, users: users,
                    loss: sum / Double(number + 1)))
        }
        return (sum / Double(max(1, plan.count)), tokens)
    }

    /// Users of like length together (so that pieces are even), batches in random order.
    private func batches(epoch: Int) -> [[Int]] {
        var draw = SeededGenerator(seed: settings.seed, stream: 1, UInt64(epoch))
        let lengths = holdout.training.map { Double(min($0.tokens, settings.tokensPerUser)) + draw.uniform() * 40 }
        let order = holdout.training.indices.sorted { (lengths[$0], $0) < (lengths[$1], $1) }
        var batches = stride(from: 0, to: order.count, by: settings.usersPerBatch).map {
            Array(order[$0..<min($0 + settings.usersPerBatch, order.count)])
        }
        batches.shuffle(using: &draw)
        return batches
    }

    /// A user's newest sessions, before one of them its anchors: before which is drawn as often as it counts as a target. Only the
    /// sessions from there on see them, so all that came before are targets as ever.
    private func history(of user: Int, _ draw: inout SeededGenerator) -> TokenHistory {
        let newest = holdout.training[user].newest(budget: settings.tokensPerUser)
        guard let anchors else { return length.cut(newest, &draw) }
        let numbers = length.numbers(newest, &draw) ?? Array(newest.sessions.indices)
        let kept = Set(numbers), history = newest.keeping { kept.contains($0) }
        // Numbers are counted from the end of the whole history, of which the newest sessions may be held out.
        let last = holdout.lengths[user] - holdout.training[user].sessions.count + newest.sessions.count - 1
        let found = numbers.map { anchors.of(user, fromEnd: last - $0) }
        let chances = zip(weights(history), found).map { $1.isEmpty ? 0 : Double($0) }
        var left = draw.uniform() * chances.reduce(0, +)
        let drawn = chances.firstIndex { chance in
            left -= chance
            return chance > 0 && left <= 0
        }
        guard let drawn else { return history }
        return history.withAnchors(found[drawn], scene: parameters.settings.anchorScene, before: drawn)
    }

    /// A session counts half as a target after a half-life: what users do now matters more than what they did.
    private func weights(_ history: TokenHistory) -> [Float] {
        history.sessions.map {
            // What stands for many sessions came next after none.
            guard !$0.isLifelong, $0.scene != parameters.settings.anchorScene else { return 0 }
            if let bound = settings.targetsAfter, $0.startsAt <= bound { return 0 }
            guard settings.halfLifeDays > 0 else { return 1 }
            return Float(exp2(-Double(max(0, asOf - $0.startsAt)) / 86_400 / settings.halfLifeDays))
        }
    }

    /// NDCG of the held-out sessions; nil where nothing is held out.
    private func heldOutNDCG() -> Double? {
        guard holdout.targets > 0 else { return nil }
        let (histories, isTarget) = holdout.asked(
            tokens: settings.tokensPerUser, anchors: anchors, scene: parameters.settings.anchorScene)
        return ranking.meanNDCG(histories, isTarget: isTarget)
    }
}
