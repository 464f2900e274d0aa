import Domain
import Model
import Training

/// Small drawn histories and vocabularies.
enum Drawn {
    static func vocabulary(items: Int) -> Vocabulary {
        Vocabulary(
            itemType: .bigint, items: (0..<items).map { .integer(Int64($0) * 3 + 1) },
            category: (0..<items).map { Int32($0 % 4) }, seller: (0..<items).map { Int32($0 % 3) },
            categories: ["", "a", "b", "c"], sellers: ["", "x", "y"], scenes: ["", "home", "search"])
    }

    /// Sessions of a user follow a pattern: the next one holds the items after those of the last.
    static func history(items: Int, sessions: Int, endsAt: Int64, _ generator: inout SeededGenerator) -> TokenHistory {
        var history = TokenHistory()
        var first = generator.below(items)
        for s in 0..<sessions {
            let count = 1 + generator.below(4)
            let rows = (0..<count).map { Int32((first + $0) % items) }
            history.append(
                startsAt: endsAt - Int64(sessions - s) * 40_000 - Int64(generator.below(9000)),
                scene: Int32(generator.below(3)), items: rows.map { (row: $0, action: UInt8(generator.below(4))) })
            first += count
        }
        return history
    }

    static func corpus(users: Int, items: Int, endsAt: Int64 = 1_700_000_000, seed: UInt64 = 5) -> TrainingCorpus {
        var generator = SeededGenerator(seed: seed)
        var corpus = TrainingCorpus(tokenBudget: .max)
        for user in 0..<users {
            corpus.add(
                history(items: items, sessions: 2 + generator.below(6), endsAt: endsAt, &generator),
                hash: ExternalID.integer(Int64(user)).stableHash)
        }
        return corpus
    }

    static func settings(_ vocabulary: Vocabulary, width: Int = 16, blocks: Int = 2, experts: Int = 0) -> ModelSettings
    {
        ModelSettings(
            items: vocabulary.count, categories: vocabulary.categories.count, sellers: vocabulary.sellers.count,
            scenes: vocabulary.scenes.count, width: width, heads: 2, blocks: blocks, horizons: 2, attentionNorm: 16,
            experts: experts)
    }
}
