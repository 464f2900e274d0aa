import Domain
import Retrieval
import Tensors
import Testing

@Suite struct ExactTopKTests {
    /// Vectors on a coarse grid, so that equal scores are common.
    private func drawn(_ count: Int, _ D: Int, _ generator: inout SeededGenerator) -> FloatBuffer {
        let buffer = FloatBuffer(count * D)
        for i in 0..<count * D { buffer.pointer[i] = Float(generator.below(5)) - 2 }
        return buffer
    }

    private func brute(
        _ queries: FloatBuffer, user: Int, _ items: FloatBuffer, D: Int, k: Int, offered: (Int32) -> Bool, _ no: [Int32]
    ) -> [Candidate] {
        let all = (0..<Int32(items.count / D)).filter { offered($0) && !no.contains($0) }.map { row in
            let score = (0..<D).reduce(Float(0)) {
                $0 + queries.pointer[user * D + $1] * items.pointer[Int(row) * D + $1]
            }
            return Candidate(row: UInt32(row), score: score, source: .model)
        }
        return Array(all.sorted { $0.score != $1.score ? $0.score > $1.score : $0.row < $1.row }.prefix(k))
    }

    @Test(arguments: 0..<30) func listsEqualASortOfAllScoresForSeed(_ seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let D = 8, users = 1 + generator.below(70), items = 1 + generator.below(3000), k = 1 + generator.below(120)
        let queries = drawn(users, D, &generator), vectors = drawn(items, D, &generator)
        let hidden = Set((0..<items / 10).map { _ in Int32(generator.below(items)) })
        let excluded = (0..<users).map { _ in (0..<generator.below(40)).map { _ in Int32(generator.below(items)) } }
        let catalogue = try Catalogue(vectors.pointer, count: items, width: D) { !hidden.contains($0) }
        let lists = try ExactTopK(catalogue, kept: k, pool: WorkerPool(workers: 2)).lists(
            queries.pointer, users: users, excluded: excluded)
        for user in 0..<users {
            let wanted = brute(
                queries, user: user, vectors, D: D, k: k, offered: { !hidden.contains($0) }, excluded[user])
            #expect(lists[user] == wanted)
        }
    }

    /// The scan begins with a guess from some panels of items; here these hold all the best ones, so that it is too high.
    @Test func listsAreWholeWhereTheSampleMisleads() throws {
        var generator = SeededGenerator(seed: 21)
        let D = 4, items = 8192, vectors = drawn(items, D, &generator), queries = drawn(20, D, &generator)
        for row in 0..<items where row / 64 % 14 == 0 || row / 16 % 14 == 0 || row / 8 % 14 == 0 {
            for j in 0..<D { vectors.pointer[row * D + j] = 10 * vectors.pointer[row * D + j] + Float(row % 97) }
        }
        let excluded = (0..<20).map { _ in (0..<300).map { _ in Int32(generator.below(items)) } }
        let catalogue = try Catalogue(vectors.pointer, count: items, width: D) { _ in true }
        let lists = try ExactTopK(catalogue, kept: 100, pool: WorkerPool(workers: 2)).lists(
            queries.pointer, users: 20, excluded: excluded)
        for user in 0..<20 {
            #expect(
                lists[user] == brute(queries, user: user, vectors, D: D, k: 100, offered: { _ in true }, excluded[user])
            )
        }
    }

    @Test func exclusionsNeverShortenAListWhileOtherItemsAreLeft() throws {
        var generator = SeededGenerator(seed: 9)
        let vectors = drawn(50, 4, &generator), query = drawn(1, 4, &generator)
        let catalogue = try Catalogue(vectors.pointer, count: 50, width: 4) { _ in true }
        let topK = ExactTopK(catalogue, kept: 20, pool: WorkerPool(workers: 1))
        let free = try topK.lists(query.pointer, users: 1, excluded: [[]])[0]
        let without = try topK.lists(query.pointer, users: 1, excluded: [free.map { Int32($0.row) }])[0]
        #expect(free.count == 20 && without.count == 20)
        #expect(Set(free.map(\.row)).isDisjoint(with: without.map(\.row)))
        let fewLeft = try topK.lists(query.pointer, users: 1, excluded: [Array(3..<50)])[0]
        #expect(Set(fewLeft.map(\.row)) == [0, 1, 2])
    }

    @Test func sameListsAtAnyThreadCount() throws {
        var generator = SeededGenerator(seed: 4)
        let vectors = drawn(5000, 16, &generator), queries = drawn(100, 16, &generator)
        let catalogue = try Catalogue(vectors.pointer, count: 5000, width: 16) { _ in true }
        let none = [[Int32]](repeating: [], count: 100)
        let lists = try [1, 2, 5].map {
            try ExactTopK(catalogue, kept: 50, pool: WorkerPool(workers: $0)).lists(
                queries.pointer, users: 100, excluded: none)
        }
        #expect(lists[0] == lists[1] && lists[1] == lists[2])
    }

    @Test func numbersThatAreNotFiniteAreErrorsThatNameTheRow() throws {
        let vectors = FloatBuffer(12)
        vectors.pointer[9] = .nan
        #expect(throws: RetrievalError.notFinite(what: "vector of item row", row: 2)) {
            _ = try Catalogue(vectors.pointer, count: 3, width: 4) { _ in true }
        }
        let catalogue = try Catalogue(vectors.pointer, count: 2, width: 4) { _ in true }
        let query = FloatBuffer(8)
        query.pointer[5] = .infinity
        #expect(throws: RetrievalError.notFinite(what: "query vector of user", row: 1)) {
            _ = try ExactTopK(catalogue, kept: 1, pool: WorkerPool(workers: 1)).lists(
                query.pointer, users: 2, excluded: [[], []])
        }
    }
}
