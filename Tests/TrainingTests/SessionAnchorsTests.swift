import Domain
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
                    let same = whole.anchors[user][number] == other.anchors[user][number]
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

    @Test func firstSessionsHaveNoneAndOthersWhatTheirUserHasNotHad() throws {
        var corpus = Self.corpus()
        let table = try corpus.findAnchors(6, items: Self.items, asOf: Self.asOf)
        for user in corpus.histories.indices {
            let history = corpus.histories[user]
            #expect(corpus.anchors[user][0].isEmpty)
            for number in 1..<history.sessions.count {
                #expect(corpus.anchors[user][number].count <= 6)
                #expect(Set(corpus.anchors[user][number]).isDisjoint(with: history.prefix(number).rows))
            }
        }
        #expect(table.asOf == Self.asOf && table.items == Self.items)
        let bucket = corpus.bucket(3, after: 0)
        #expect(bucket.anchors.count == bucket.histories.count && !bucket.histories.isEmpty)
        for (history, anchors) in zip(bucket.histories, bucket.anchors) {
            #expect(anchors == corpus.anchors[corpus.histories.firstIndex(of: history)!])
        }
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
