import Domain
import Model
import Tensors
import Testing

@Suite struct ModelParametersTests {
    private let settings = ModelSettings(items: 200, categories: 4, sellers: 3, scenes: 2)

    /// Before any training the same request after other items is another query, so that there is something to learn from.
    @Test(arguments: 0..<5 as Range<UInt64>)
    func theFirstQueryMovesWithTheItemsOfTheHistoryForSeed(_ seed: UInt64) {
        let parameters = ModelParameters(settings, seed: seed)
        let none = [Int32](repeating: 0, count: 200)
        let vectors = ItemVectors(all: parameters, category: none, seller: none)
        var history = drawnHistory(seed: seed)
        for i in history.sessions.indices { history.sessions[i].scene %= 2 }
        var other = history
        other.rows = other.rows.map { $0 + 100 }
        let request = PackedBatch.Request(time: history.sessions.last!.startsAt + 86_400, scene: 1)
        let out = FloatBuffer(), width = settings.width
        UserEncoder(parameters, vectors: vectors, pool: WorkerPool(workers: 1))
            .encode([history, other, history], requests: [request, request, request], into: out)
        let queries = (0..<3).map { Array(out.values[$0 * width..<($0 + 1) * width]) }
        #expect(difference(queries[0], queries[2]) < 1e-5)
        #expect(difference(queries[0], queries[1]) > 0.05)
    }

    @Test func theSameSeedGivesTheSameNumbersAndAnotherSeedOthers() {
        func numbers(_ seed: UInt64) -> [[Float]] {
            let parameters = ModelParameters(settings, seed: seed)
            return [parameters.item, parameters.category, parameters.seller, parameters.dense].map { Array($0.values) }
        }
        #expect(numbers(1) == numbers(1))
        #expect(zip(numbers(1), numbers(2)).allSatisfy { $0 != $1 })
        #expect(numbers(1).joined().allSatisfy { $0.isFinite })
    }

    @Test func noneGivenSaysNothingAtTheStart() {
        let parameters = ModelParameters(settings, seed: 1)
        #expect(parameters.category.values.prefix(64).allSatisfy { $0 == 0 })
        #expect(parameters.seller.values.prefix(64).allSatisfy { $0 == 0 })
        #expect(parameters.category.values.dropFirst(64).contains { $0 != 0 })
    }

    @Test func everyNumberBelongsToExactlyOneNamedParameter() {
        let parameters = ModelParameters(settings, seed: 1)
        let sizes = parameters.named.map { $0.shape.reduce(1, *) }
        #expect(sizes.dropFirst(3).reduce(0, +) == parameters.dense.count)
        #expect(Set(parameters.named.map(\.name)).count == parameters.named.count)
        var end = parameters.dense.pointer
        for (entry, size) in zip(parameters.named, sizes).dropFirst(3) {
            #expect(entry.start == end, "\(entry.name)")
            end += size
        }
    }
}
