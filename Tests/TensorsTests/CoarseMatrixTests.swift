import Domain
import Tensors
import Testing

/// A first pass in eight bits leaves out no item of a list, and changes no bit of a score.
@Suite(.enabled(if: CoarseMatrix.isOfUse, "this processor, or the level asked for, has no AVX-512 VNNI"))
struct CoarseMatrixTests {
    private struct List: Equatable {
        var columns: [Int32]
        var products: [UInt32]
    }

    private func lists(
        _ queries: FloatBuffer, _ users: Int, _ items: PackedMatrix, _ coarse: CoarseMatrix?, kept: Int,
        denied: [[Int32]]
    ) -> [List] {
        var lists: [List] = [], firstDenied = [0]
        for one in denied { firstDenied.append(firstDenied.last! + one.count) }
        TopKScan(kept: kept).run(
            queries.pointer, count: users, items: items, coarse: coarse, denied: denied.flatMap { $0 },
            firstDenied: firstDenied
        ) { lists.append(List(columns: Array($1), products: $2.map(\.bitPattern))) }
        return lists
    }

    /// Vectors of all lengths and shapes: those of a model are unit vectors, and none of the bounds may need that.
    private func drawn(_ count: Int, _ D: Int, _ random: inout SeededGenerator) -> FloatBuffer {
        let buffer = FloatBuffer(count * D)
        for i in 0..<count {
            let length = [0, 1e-20, 1e-3, 1, 1, 1, 1, 30][random.below(8)]
            let isSpiky = random.below(3) == 0
            for j in 0..<D {
                let x = Float(random.uniform() - 0.5) * Float(length)
                buffer.pointer[i * D + j] = isSpiky && random.below(8) > 0 ? x / 100 : x
            }
        }
        return buffer
    }

    /// One large number in every item that no query looks at: bytes say next to nothing of the small ones that decide.
    @Test(arguments: 0..<4) func theSameComesOutWhereBytesSayLittleForSeed(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let D = 64, items = 20_000, users = 20
        let vectors = FloatBuffer(items * D), queries = FloatBuffer(users * D)
        for i in 0..<items * D { vectors.pointer[i] = Float(random.uniform() - 0.5) * 0.02 }
        for i in 0..<items { vectors.pointer[i * D] = 1 }
        for i in 0..<users * D where i % D > 0 { queries.pointer[i] = Float(random.uniform() - 0.5) }
        let matrix = PackedMatrix()
        matrix.pack(vectors.pointer, stride: D, transposed: true, inner: D, columns: items)
        let coarse = try #require(CoarseMatrix(matrix))
        let none = [[Int32]](repeating: [], count: users)
        #expect(
            lists(queries, users, matrix, nil, kept: 100, denied: none)
                == lists(queries, users, matrix, coarse, kept: 100, denied: none))
    }

    @Test(arguments: 0..<24) func theSameComesOutForSeed(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let D = [1, 3, 8, 31, 64, 66, 128][random.below(7)], items = 4096 + random.below(5000)
        let users = 1 + random.below(40), kept = 1 + random.below(120)
        let vectors = drawn(items, D, &random), queries = drawn(users, D, &random)
        // Doubles among the items: scores that are equal.
        for _ in 0..<items / 4 {
            let from = random.below(items), to = random.below(items)
            for j in 0..<D { vectors.pointer[to * D + j] = vectors.pointer[from * D + j] }
        }
        let matrix = PackedMatrix()
        matrix.pack(vectors.pointer, stride: D, transposed: true, inner: D, columns: items)
        let coarse = try #require(CoarseMatrix(matrix))
        let denied = (0..<users).map { _ in
            Set((0..<random.below(300)).map { _ in Int32(random.below(items)) }).sorted()
        }
        let plain = lists(queries, users, matrix, nil, kept: kept, denied: denied)
        #expect(plain == lists(queries, users, matrix, coarse, kept: kept, denied: denied))
        #expect(plain.allSatisfy { $0.columns.count == kept })
    }
}
