import Domain
import Model
import Tensors
import Testing

@Suite struct ModelParametersTests {
    private let settings = ModelSettings(items: 200, categories: 4, sellers: 3, scenes: 2)

    /// Before any training a query already points where the items of the history do.
    @Test(arguments: 0..<5 as Range<UInt64>)
    func theFirstQueryIsCloseToTheMeanOfTheItemsForSeed(_ seed: UInt64) {
        let parameters = ModelParameters(settings, seed: seed)
        let none = [Int32](repeating: 0, count: 200)
        let vectors = ItemVectors(all: parameters, category: none, seller: none)
        var draw = SeededGenerator(seed: seed, stream: 0x1de7), cosines: [Float] = []
        for user in 0..<50 as Range<UInt64> {
            let history = drawnHistory(seed: user &* 31 &+ seed, sessions: 3 + draw.below(8))
            let request = PackedBatch.Request(time: history.sessions.last!.startsAt + 86_400, scene: 1)
            let out = FloatBuffer()
            UserEncoder(parameters, vectors: vectors, pool: WorkerPool(workers: 1))
                .encode([fewScenes(history)], requests: [request], into: out)
            cosines.append(cosine(Array(out.values), mean(history.rows, vectors)))
        }
        let average = cosines.reduce(0, +) / 50
        #expect(average > 0.5, "\(average)")
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

    private func fewScenes(_ history: TokenHistory) -> TokenHistory {
        var history = history
        for i in history.sessions.indices { history.sessions[i].scene %= 2 }
        return history
    }

    private func mean(_ rows: [Int32], _ vectors: ItemVectors) -> [Float] {
        var sum = [Float](repeating: 0, count: settings.width)
        for row in rows { for i in sum.indices { sum[i] += vectors.sums.pointer[Int(row) * settings.width + i] } }
        return sum
    }

    private func cosine(_ a: [Float], _ b: [Float]) -> Float {
        func dot(_ a: [Float], _ b: [Float]) -> Float { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
        return dot(a, b) / (dot(a, a) * dot(b, b)).squareRoot()
    }
}
