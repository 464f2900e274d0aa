import Domain
import Foundation
import Model
import Tensors
import Testing
import Training

/// Anchors of sessions: found day by day, from what came before.
@Suite struct SessionAnchorsTests {
    private static let day: Int64 = 86_400
    private static let asOf: Int64 = 1_700_006_400
    private static let items = 40

    /// - Parameter other: changes the items of every session that begins at or after this instant.
    private static func corpus(other instant: Int64 = .max) -> TrainingCorpus {
        let drawn = Drawn.corpus(users: 50, items: items, endsAt: asOf, seed: 9)
        var corpus = TrainingCorpus(tokenBudget: .max)
        for (history, hash) in zip(drawn.histories, drawn.hashes) {
            var changed = TokenHistory(), begin = 0
            for head in history.sessions {
                let range = begin..<begin + Int(head.items)
                begin = range.upperBound
                let isOther = head.startsAt >= instant
                changed.append(
                    startsAt: head.startsAt, scene: head.scene,
                    items: range.map {
                        (
                            row: isOther ? (history.rows[$0] * 7 + 3) % Int32(items) : history.rows[$0],
                            action: max(history.actions[$0], isOther ? 1 : 0)
                        )
                    })
            }
            corpus.add(changed, hash: hash)
        }
        return corpus
    }

    private static func anchors(_ corpus: TrainingCorpus, _ user: Int, _ session: Int) -> [Int32] {
        Array(corpus.anchors!.of(user, fromEnd: corpus.histories[user].sessions.count - 1 - session))
    }

    @Test func whatBeginsOnTheDayOfASessionOrLaterChangesNothingOfItsAnchors() throws {
        var whole = Self.corpus()
        _ = try whole.findAnchors(6, items: Self.items, asOf: Self.asOf)
        var compared = 0, changed = 0
        for days in 0..<6 as Range<Int64> {
            // Midnights, in UTC.
            let cut = (Self.asOf / Self.day - days) * Self.day
            var other = Self.corpus(other: cut)
            _ = try other.findAnchors(6, items: Self.items, asOf: Self.asOf)
            for user in whole.histories.indices {
                for (number, head) in whole.histories[user].sessions.enumerated() {
                    let same = Self.anchors(whole, user, number) == Self.anchors(other, user, number)
                    // A session of that day follows one that has not changed, unless that was on the same day.
                    let isBefore = number > 0 && whole.histories[user].sessions[number - 1].startsAt < cut
                    if head.startsAt < cut + Self.day, isBefore {
                        #expect(same, "\(days) days, user \(user), session \(number)")
                        compared += 1
                    } else if !same {
                        changed += 1
                    }
                }
            }
        }
        #expect(compared > 200 && changed > 50, "\(compared), \(changed)")
    }

    @Test func theNewestSessionsButAFirstOneHaveWhatTheirUserHasNotHad() throws {
        var corpus = Self.corpus(), found = 0
        _ = try corpus.findAnchors(6, items: Self.items, asOf: Self.asOf)
        for (user, history) in corpus.histories.enumerated() {
            let first = max(1, history.sessions.count - SessionAnchors.newest)
            for number in history.sessions.indices {
                let anchors = Self.anchors(corpus, user, number), known = history.prefix(number)
                #expect(anchors.count <= 6 && (number >= first || anchors.isEmpty))
                #expect(Set(anchors).isDisjoint(with: known.engagedRows))
                if !anchors.isEmpty { found += 1 }
            }
        }
        #expect(found > 100, "\(found)")
        let bucket = corpus.bucket(3, after: 0)
        #expect(!bucket.histories.isEmpty && bucket.histories.count < corpus.histories.count)
        for (user, history) in bucket.histories.enumerated() {
            let place = corpus.histories.firstIndex(of: history)!
            for number in history.sessions.indices {
                #expect(Self.anchors(bucket, user, number) == Self.anchors(corpus, place, number))
            }
        }
    }

    @Test func whoIsNotAskedForIsCountedAllTheSameAtAnyThreadCount() throws {
        var whole = Self.corpus(), some = Self.corpus()
        let table = try whole.findAnchors(6, items: Self.items, asOf: Self.asOf)
        let isAsked = whole.histories.indices.map { $0 % 3 == 0 }
        let same = try some.findAnchors(
            6, items: Self.items, asOf: Self.asOf, isAsked: isAsked, pool: WorkerPool(workers: 3))
        #expect(same == table)
        for (user, history) in whole.histories.enumerated() {
            for number in history.sessions.indices {
                #expect(Self.anchors(some, user, number) == (isAsked[user] ? Self.anchors(whole, user, number) : []))
            }
        }
    }

    @Test func whatWasOnlyShownBetweenIsNoTransition() throws {
        var corpus = TrainingCorpus(tokenBudget: .max)
        for user in 0..<9 as Range<Int64> {
            var history = TokenHistory()
            for (number, (row, action)) in [(1, Action.click), (2, .impression), (3, .click)].enumerated() {
                history.append(
                    startsAt: Self.asOf - Int64(9 - number) * Self.day, scene: 0,
                    items: [(row: Int32(row), action: action.rawValue)])
            }
            if user == 8 { history = history.prefix(2) }
            corpus.add(history, hash: ExternalID.integer(user).stableHash)
        }
        // What everybody has, which would come up where nothing followed.
        for user in 9..<40 as Range<Int64> {
            var history = TokenHistory()
            history.append(
                startsAt: Self.asOf - Self.day, scene: 0, items: [(row: Int32(4), action: Action.click.rawValue)])
            corpus.add(history, hash: ExternalID.integer(user).stableHash)
        }
        let table = try corpus.findAnchors(1, items: 5, asOf: Self.asOf)
        var scores = AnchorTable.Scores()
        #expect(table.anchors(1, after: corpus.histories[8], &scores) == [3])
    }

    @Test(arguments: [1000, 8]) func heldOutSessionsAreRankedWithWhatWasKnownBeforeTheFirst(tokens: Int) throws {
        var corpus = Drawn.corpus(users: 1500, items: Self.items, endsAt: Self.asOf, seed: 9)
        _ = try corpus.findAnchors(3, items: Self.items, asOf: Self.asOf)
        let holdout = Holdout(corpus, asOf: Self.asOf, isWanted: true)
        #expect(holdout.targets >= 100)
        let plain = holdout.asked(tokens: tokens, anchors: nil, scene: 3)
        let asked = holdout.asked(tokens: tokens, anchors: corpus.anchors, scene: 3)
        var inserted = 0
        for (user, history) in asked.histories.enumerated() {
            #expect(history.keeping { history.sessions[$0].scene != 3 } == plain.histories[user])
            #expect(history.sessions.count == asked.isTarget[user].count)
            let targets = history.sessions.indices.filter { asked.isTarget[user][$0] }
            #expect(targets.allSatisfy { history.sessions[$0].startsAt > Self.asOf - Self.day })
            #expect(targets.count == plain.isTarget[user].count(where: \.self))
            guard let place = history.sessions.firstIndex(where: { $0.scene == 3 }) else { continue }
            inserted += 1
            let read = plain.histories[user]
            let user = corpus.histories.firstIndex {
                $0.sessions.suffix(read.sessions.count) == read.sessions[...]
                    && $0.rows.suffix(read.rows.count) == read.rows[...]
            }!
            let number = corpus.histories[user].sessions.count - (history.sessions.count - place - 1)
            #expect(history.sessions[place + 1] == corpus.histories[user].sessions[number])
            #expect(targets.first == place + 1)
            let before = history.sessions[..<place].reduce(0) { $0 + Int($1.items) }
            let rows = Array(history.rows[before..<before + Int(history.sessions[place].items)])
            #expect(rows == Self.anchors(corpus, user, number))
        }
        #expect(inserted > 50)
    }

    @Test func aSearchThatIsStoppedThrows() {
        struct Stopped: Error {}
        var corpus = Self.corpus()
        #expect(throws: Stopped.self) {
            _ = try corpus.findAnchors(6, items: Self.items, asOf: Self.asOf) { _ in throw Stopped() }
        }
    }

    // MARK: - Training with them

    private static func train(
        _ corpus: TrainingCorpus, anchors: Int, epochs: Int = 4, threads: Int = 2,
        items: Int = SessionAnchorsTests.items
    ) throws -> (parameters: ModelParameters, outcome: TrainingOutcome) {
        var corpus = corpus, settings = TrainingSettings()
        (settings.epochs, settings.negatives, settings.usersPerBatch) = (epochs, 25, 8)
        (settings.patience, settings.learningRate, settings.dropout) = (0, 5e-3, 0.1)
        settings.halfLifeDays = 0
        if anchors > 0 { _ = try corpus.findAnchors(anchors, items: items, asOf: asOf) }
        let vocabulary = Drawn.vocabulary(items: items)
        var shape = Drawn.settings(vocabulary)
        (shape.anchors, shape.horizons) = (anchors, 1)
        let parameters = ModelParameters(shape, seed: 1)
        let outcome = try Trainer(
            settings, parameters, corpus: corpus, vocabulary: vocabulary, asOf: asOf, pool: WorkerPool(workers: threads)
        ).run(checkpoint: nil) { _ in }
        return (parameters, outcome)
    }

    private static func numbers(_ parameters: ModelParameters) -> [Float] {
        Array(parameters.item.values) + Array(parameters.dense.values)
    }

    /// Histories longer than what is read, thinned ones, held-out sessions; killed after an epoch or not.
    @Test(arguments: [2.0, 1.2]) func aTrainingThatIsKilledGoesOnToTheSameBytes(alpha: Double) throws {
        struct Killed: Error {}
        var corpus = Drawn.corpus(users: 1200, items: Self.items, endsAt: Self.asOf, seed: 9),
            settings = TrainingSettings()
        _ = try corpus.findAnchors(3, items: Self.items, asOf: Self.asOf)
        (settings.epochs, settings.negatives, settings.tokensPerUser) = (3, 25, 14)
        (settings.itemsPerSession, settings.lengthAlpha) = (8, alpha)
        let vocabulary = Drawn.vocabulary(items: Self.items), path = NSTemporaryDirectory() + "\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        var shape = Drawn.settings(vocabulary)
        (shape.anchors, shape.horizons) = (3, 1)
        func train(_ checkpoint: String?, _ threads: Int, killedAfter: Int = .max) throws -> [Float] {
            let parameters = ModelParameters(shape, seed: 1)
            let outcome = try Trainer(
                settings, parameters, corpus: corpus, vocabulary: vocabulary, asOf: Self.asOf,
                pool: WorkerPool(workers: threads)
            ).run(checkpoint: checkpoint.map { ($0, "a") }) { if $0.epoch > killedAfter { throw Killed() } }
            #expect(outcome.heldOutTargets >= 100)
            return Self.numbers(parameters)
        }
        let whole = try train(nil, 1)
        #expect(throws: Killed.self) { _ = try train(path, 2, killedAfter: 1) }
        #expect(try train(path, 2) == whole)
    }

    @Test func sameInputGivesTheSameBytesAtAnyThreadCount() throws {
        let models = try [1, 2, 5].map { try Self.train(Self.corpus(), anchors: 3, threads: $0).parameters }
        #expect(Self.numbers(models[0]) == Self.numbers(models[1]))
        #expect(Self.numbers(models[0]) == Self.numbers(models[2]))
        let start = ModelParameters(models[0].settings, seed: 1), row = models[0].settings.width * 3
        #expect(models[0].settings.sceneRows == 4)
        let at = start.layout.scene + row
        #expect(
            (0..<models[0].settings.width).contains {
                models[0].dense.pointer[at + $0] != start.dense.pointer[at + $0]
            },
            "the row of the anchors' scene was learned")
    }

    /// What is had is the same for everybody and another every two months: the history tells little of it, and what others had of late
    /// nearly all.
    @Test func aModelLearnsToTakeUpWhatItsAnchorsSay() throws {
        // Many users, few passes: of a few, the histories would be learned by heart.
        let items = 20, days: Int64 = 60 * 60
        var draw = SeededGenerator(seed: 4), corpus = TrainingCorpus(tokenBudget: .max)
        let had = (0...days / 60).map { _ in Int32(draw.below(items)) }
        for user in 0..<4000 as Range<Int64> {
            var history = TokenHistory(), day: Int64 = 0
            while true {
                day += Int64(1 + draw.below(1200))
                guard day < days else { break }
                history.append(
                    startsAt: Self.asOf - (days - day) * Self.day, scene: 0,
                    items: [(row: had[Int(day / 60)], action: Action.click.rawValue)])
            }
            if !history.sessions.isEmpty { corpus.add(history, hash: ExternalID.integer(user).stableHash) }
        }
        let parameters = try Self.train(corpus, anchors: 2, epochs: 10, items: items).parameters
        let vocabulary = Drawn.vocabulary(items: items), scene = parameters.settings.anchorScene
        let vectors = ItemVectors(all: parameters, category: vocabulary.category, seller: vocabulary.seller)
        let histories = Array(corpus.histories.prefix(50)), width = parameters.settings.width
        let encoder = UserEncoder(parameters, vectors: vectors, pool: WorkerPool(workers: 1)), out = FloatBuffer()
        /// Mean rank of an item with it among the anchors, or another.
        func rank(of item: Int32, saying anchor: Int32) -> Double {
            encoder.encode(
                histories.map { $0.withAnchors([anchor], scene: scene, before: $0.sessions.count) },
                requests: histories.map { _ in .init(time: Self.asOf, scene: 0) }, into: out)
            let ranks = histories.indices.map { user in
                let query = out.pointer + user * width
                func score(_ row: Int32) -> Float {
                    Kernels.dot(query, vectors.units.pointer + Int(row) * width, count: width)
                }
                let own = score(item)
                return (0..<Int32(items)).count { score($0) > own }
            }
            return Double(ranks.reduce(0, +)) / Double(ranks.count)
        }
        var with = 0.0, without = 0.0
        for item in Set(had).sorted() {
            with += rank(of: item, saying: item)
            without += rank(of: item, saying: had.first { $0 != item }!)
        }
        #expect(with < 0.85 * without, "\(with), \(without)")
    }
}

extension TokenHistory {
    fileprivate var engagedRows: [Int32] {
        zip(rows, actions).filter { $0.1 > Action.impression.rawValue }.map(\.0)
    }
}
