import Domain
import Tensors
import Testing
import Training

/// Item embeddings from what the same users had.
@Suite struct SpectralStartTests {
    private static let width = 4

    private func rows(
        _ users: [[Int32]], items: Int, threads: Int = 1, seed: UInt64 = 1, before: Float = 0
    ) -> [[Float]] {
        let histories = users.map { user in
            var history = TokenHistory()
            // An item had twice is had; sessions make no difference.
            for items in [user, Array(user.prefix(1))] {
                history.append(startsAt: 0, scene: 0, items: items.map { (row: $0, action: 1) })
            }
            return history
        }
        let out = FloatBuffer(items * Self.width)
        out.pointer.update(repeating: before, count: out.count)
        SpectralStart(histories, items: items, pool: WorkerPool(workers: threads))
            .write(to: out.pointer, width: Self.width, norm: 0.5, seed: seed) {}
        return (0..<items).map { Array(out.values[$0 * Self.width..<($0 + 1) * Self.width]) }
    }

    private func cosine(_ a: [Float], _ b: [Float]) -> Float {
        func dot(_ x: [Float], _ y: [Float]) -> Float { zip(x, y).reduce(0) { $0 + $1.0 * $1.1 } }
        return dot(a, b) / (dot(a, a) * dot(b, b)).squareRoot()
    }

    private func drawn(users: Int, items: Int, seed: UInt64 = 3) -> [[Int32]] {
        var draw = SeededGenerator(seed: seed)
        return (0..<users).map { _ in Array(Set((0..<2 + draw.below(5)).map { _ in Int32(draw.below(items)) })).sorted()
        }
    }

    /// Three groups of ten items; one user in ten is of two minds.
    private func grouped() -> [[Int32]] {
        var draw = SeededGenerator(seed: 2)
        return (0..<300).map { user in
            (0..<5).map { place in
                let group = user % 10 == 0 && place == 0 ? draw.below(3) : user % 3
                return Int32(group * 10 + draw.below(10))
            }
        }
    }

    private func expectGroups(_ made: [[Float]]) {
        let pairs = (0..<30).flatMap { a in (0..<a).map { (a, $0) } }
        func mean(_ pairs: [(Int, Int)]) -> Float {
            pairs.reduce(0) { $0 + cosine(made[$1.0], made[$1.1]) } / Float(pairs.count)
        }
        #expect(mean(pairs.filter { $0.0 / 10 == $0.1 / 10 }) > 0.6)
        #expect(mean(pairs.filter { $0.0 / 10 != $0.1 / 10 }) < 0)
    }

    @Test func itemsOfTheSameUsersLieTogetherAndOthersApart() { expectGroups(rows(grouped(), items: 30)) }

    /// Large catalogues are full of them: each such user is an eigenvector with the highest value that there is.
    @Test func usersWithItemsThatNobodyElseHadDoNotPushTheOthersOut() {
        let alone = (0..<40).map { (user: Int) -> [Int32] in [Int32(30 + 2 * user), Int32(31 + 2 * user)] }
        expectGroups(rows(grouped() + alone, items: 110))
    }

    /// Against eigenvectors of the whole matrix, in doubles, by another way: the highest is found and taken away, again and again.
    @Test func cosinesAreThoseOfTheEigenvectors() {
        let items = 12, users = drawn(users: 60, items: items)
        var degree = [Double](repeating: 0, count: items)
        for user in users { for item in user { degree[Int(item)] += 1 } }
        let mean = degree.reduce(0, +) / Double(degree.count { $0 > 0 })
        degree = degree.map { $0 + mean }
        var matrix = [[Double]](repeating: [Double](repeating: 0, count: items), count: items)
        for user in users {
            for a in user.map({ Int($0) }) {
                for b in user.map({ Int($0) }) {
                    matrix[a][b] += 1 / Double(user.count) / (degree[a] * degree[b]).squareRoot()
                }
            }
        }
        let (values, vectors) = eigen(matrix)
        let order = values.indices.sorted { values[$0] > values[$1] }[1...Self.width]
        let exact = (0..<items).map { item in order.map { Float(vectors[item][$0] * values[$0].squareRoot()) } }
        let made = rows(users, items: items)
        for a in 0..<items {
            for b in 0..<a {
                #expect(abs(cosine(made[a], made[b]) - cosine(exact[a], exact[b])) < 1e-3, "\(a), \(b)")
            }
        }
    }

    @Test func rowsHaveTheLengthAskedForAndWhatNobodyHadStaysAsItWas() {
        let made = rows(drawn(users: 50, items: 20), items: 23, before: 0.25)
        for item in 0..<20 {
            let length = made[item].reduce(0) { $0 + $1 * $1 }.squareRoot()
            #expect(abs(length - 0.5) < 1e-5)
        }
        #expect(made[20...].allSatisfy { $0 == [0.25, 0.25, 0.25, 0.25] })
    }

    @Test func theSameSeedGivesTheSameBytesAtAnyThreadCount() {
        let users = drawn(users: 200, items: 50)
        let made = [1, 2, 5].map { rows(users, items: 50, threads: $0) }
        #expect(made[0] == made[1] && made[1] == made[2])
        #expect(rows(users, items: 50, seed: 2) != made[0])
    }

    @Test func fewerUsersThanDirectionsGiveNumbersAllTheSame() {
        for users in [[[0, 1, 2]], [[0, 1], [3, 4]], []] as [[[Int32]]] {
            #expect(rows(users, items: 6).joined().allSatisfy { $0.isFinite })
        }
    }

    /// Eigenvalues, highest first, and in columns the eigenvectors, of a symmetric matrix without negative ones.
    private func eigen(_ matrix: [[Double]]) -> ([Double], [[Double]]) {
        var left = matrix, values: [Double] = [], columns: [[Double]] = []
        let n = matrix.count
        for number in 0..<n {
            var x = (0..<n).map { 1 + Double(($0 * 7 + number * 3) % 11) }
            for _ in 0..<20_000 {
                let y = left.map { zip($0, x).reduce(0) { $0 + $1.0 * $1.1 } }
                let length = y.reduce(0) { $0 + $1 * $1 }.squareRoot()
                guard length > 1e-14 else { break }
                x = y.map { $0 / length }
            }
            let image = left.map { zip($0, x).reduce(0) { $0 + $1.0 * $1.1 } }
            let value = zip(x, image).reduce(0) { $0 + $1.0 * $1.1 }
            for i in 0..<n { for j in 0..<n { left[i][j] -= value * x[i] * x[j] } }
            values.append(value)
            columns.append(x)
        }
        return (values, (0..<n).map { i in columns.map { $0[i] } })
    }
}
