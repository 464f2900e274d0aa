import Domain
import Foundation
import Model
import Tensors
import Testing
import Training

@Suite struct TrainerTests {
    private let vocabulary = Drawn.vocabulary(items: 30)
    private let asOf: Int64 = 1_700_000_000

    private func settings(epochs: Int = 4, patience: Int = 0) -> TrainingSettings {
        var settings = TrainingSettings()
        settings.epochs = epochs
        settings.negatives = 25
        settings.usersPerBatch = 8
        settings.patience = patience
        settings.learningRate = 5e-3
        return settings
    }

    private func train(
        _ settings: TrainingSettings, threads: Int = 2, checkpoint: (path: String, fingerprint: String)? = nil,
        corpus: TrainingCorpus? = nil, progress: (TrainingProgress) throws -> Void = { _ in }
    ) throws -> (parameters: [Float], outcome: TrainingOutcome) {
        let parameters = ModelParameters(Drawn.settings(vocabulary), seed: settings.seed)
        let trainer = try Trainer(
            settings, parameters, corpus: corpus ?? Drawn.corpus(users: 60, items: 30), vocabulary: vocabulary,
            asOf: asOf, pool: WorkerPool(workers: threads))
        let outcome = try trainer.run(checkpoint: checkpoint, progress: progress)
        return (Array(parameters.item.values) + Array(parameters.dense.values), outcome)
    }

    @Test func sameInputGivesTheSameBytesAtAnyThreadCount() throws {
        let models = try [1, 2, 5].map { try train(settings(), threads: $0).parameters }
        #expect(models[0] == models[1] && models[1] == models[2])
        var other = settings()
        other.seed = 2
        #expect(try train(other).parameters != models[0])
    }

    @Test func aTrainingThatIsKilledAfterAnyEpochGoesOnToTheSameBytes() throws {
        struct Killed: Error {}
        let whole = try train(settings(patience: 3)).parameters
        for epoch in 1...3 {
            let path = FileManager.default.temporaryDirectory.appendingPathComponent(
                "nearline-\(UUID().uuidString).safetensors"
            ).path
            defer { try? FileManager.default.removeItem(atPath: path) }
            #expect(throws: Killed.self) {
                _ = try train(settings(patience: 3), checkpoint: (path, "a")) { progress in
                    if progress.epoch == epoch + 1 { throw Killed() }
                }
            }
            let resumed = try train(settings(patience: 3), checkpoint: (path, "a"))
            #expect(resumed.outcome.resumedAfterEpoch == epoch)
            #expect(resumed.parameters == whole)
            // A checkpoint of another training is not gone on from.
            let fresh = try train(settings(patience: 3), checkpoint: (path, "b"))
            #expect(fresh.outcome.resumedAfterEpoch == 0 && fresh.parameters == whole)
        }
    }

    @Test func trainingLowersTheLoss() throws {
        var losses: [Double] = []
        _ = try train(settings(epochs: 12)) { if $0.usersDone == $0.users { losses.append($0.loss) } }
        #expect(losses.last! < 0.8 * losses.first!)
    }

    @Test func aCorpusWithoutSessionsIsRefused() throws {
        #expect(throws: TrainingError.noSessions) {
            _ = try train(settings(), corpus: TrainingCorpus(tokenBudget: 100))
        }
    }

    @Test func aRateThatDivergesIsAnErrorAndNotAModel() throws {
        var wild = settings()
        wild.learningRate = 1e38
        #expect(throws: TrainingError.self) { _ = try train(wild) }
    }

    @Test func bucketsShareOutThoseWhoCameInTheWindowAndNobodyElse() {
        let all = Drawn.corpus(users: 400, items: 30)
        let newest = all.histories.flatMap(\.sessions).map(\.startsAt).max()!
        let instant = newest - 40 * 86_400
        let buckets = (0..<TrainingCorpus.buckets).map { all.bucket($0, after: instant) }
        let inWindow = zip(all.histories, all.hashes).filter { $0.0.sessions.contains { $0.startsAt > instant } }
        #expect(inWindow.count > 50)
        #expect(buckets.flatMap(\.hashes).sorted() == inWindow.map(\.1).sorted())
        #expect(buckets.allSatisfy { !$0.histories.isEmpty && $0.histories.count < inWindow.count / 3 })
        #expect(buckets.flatMap(\.histories).allSatisfy { $0.sessions.contains { $0.startsAt > instant } })
    }

    @Test func aTrainingStopsBeforeItsFirstBatchWhereItIsToldTo() throws {
        struct Stopped: Error {}
        var calls = 0
        #expect(throws: Stopped.self) {
            _ = try train(settings()) { progress in
                calls += 1
                #expect(progress.usersDone == 0 && progress.epoch == 1)
                if calls == 3 { throw Stopped() }
            }
        }
        #expect(calls == 3)
    }

    @Test func onlySessionsOfTheWindowAreTargets() throws {
        let corpus = Drawn.corpus(users: 60, items: 30)
        let newest = corpus.histories.flatMap(\.sessions).map(\.startsAt).max()!
        var windowed = settings()
        windowed.spectralStart = false
        windowed.targetsAfter = newest
        let start = ModelParameters(Drawn.settings(vocabulary), seed: windowed.seed)
        // With nothing to learn from nothing moves, and the loss is nothing.
        let none = try train(windowed, corpus: corpus)
        #expect(none.outcome.loss == 0)
        let isAsItWas = none.parameters == Array(start.item.values) + Array(start.dense.values)
        #expect(isAsItWas)
        windowed.targetsAfter = newest - 1
        #expect(try train(windowed, corpus: corpus).outcome.loss > 0)
    }

    @Test func theCorpusIsSampledByHashAndStaysWithinItsBudget() throws {
        let all = Drawn.corpus(users: 400, items: 30)
        var generator = SeededGenerator(seed: 5)
        var small = TrainingCorpus(tokenBudget: 1000)
        for user in 0..<400 {
            small.add(
                Drawn.history(items: 30, sessions: 2 + generator.below(6), endsAt: asOf, &generator),
                hash: ExternalID.integer(Int64(user)).stableHash)
        }
        #expect(all.tokens > 2000 && small.tokens <= 1000 && small.tokens > 200)
        #expect(small.hashes.allSatisfy { $0 <= small.highestHash })
        #expect(small.usersSeen == 400)
        // Exactly the users below the limit stay, whatever came in between.
        #expect(small.hashes.count == all.hashes.filter { $0 <= small.highestHash }.count)
    }
}
