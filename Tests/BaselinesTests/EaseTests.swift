import Baselines
import Domain
import Foundation
import Testing

@Suite struct EaseTests {
    /// The regression of each item on all others, by elimination in Double: no formula of the closed form is used.
    private func weights(_ X: [Set<Int32>], items N: Int, regularisation: Double) -> [[Double]] {
        var B = [[Double]](repeating: [Double](repeating: 0, count: N), count: N)
        for target in 0..<N {
            let others = (0..<N).filter { $0 != target }
            func together(_ a: Int, _ b: Int) -> Double {
                Double(X.filter { $0.contains(Int32(a)) && $0.contains(Int32(b)) }.count)
            }
            let A = others.map { i in others.map { j in together(i, j) + (i == j ? regularisation : 0) } }
            for (i, weight) in solve(A, others.map { together($0, target) }).enumerated() {
                B[others[i]][target] = weight
            }
        }
        return B
    }

    private func solve(_ A: [[Double]], _ b: [Double]) -> [Double] {
        let n = b.count
        var A = A, b = b
        for i in 0..<n {
            for row in i + 1..<max(n, i + 1) {
                let factor = A[row][i] / A[i][i]
                for j in i..<n { A[row][j] -= factor * A[i][j] }
                b[row] -= factor * b[i]
            }
        }
        for i in (0..<n).reversed() {
            for j in i + 1..<max(n, i + 1) { b[i] -= A[i][j] * b[j] }
            b[i] /= A[i][i]
        }
        return b
    }

    @Test(arguments: 0..<8 as Range<UInt64>)
    func weightsAreThoseOfTheRegressionForSeed(_ seed: UInt64) {
        let log = drawnLog(seed: seed, items: 14)
        let B = weights(log.histories.map { Set($0.rows) }, items: 14, regularisation: 3)
        let method = Ease(log, regularisation: 3, halfLife: 20, pool: pool)
        for asker in log.askers.prefix(8) {
            var aged = [Double](repeating: 0, count: 14), novel = aged
            for basket in asker.history.baskets {
                let weight = pow(0.5, Double(asker.now - basket.startsAt) / 86_400 / 20)
                for own in basket.items { for item in 0..<14 { aged[item] += weight * B[Int(own)][item] } }
            }
            for own in Set(asker.history.rows) { for item in 0..<14 { novel[item] += B[Int(own)][item] } }
            #expect(distance(method.scores(asker), aged) < 1e-4)
            #expect(distance(method.scores(asker, wish: .novel), novel) < 1e-4)
        }
    }

    @Test func aboveTheLimitTheItemsOfMostUsersTakePartAndNoOthersAreListed() {
        // Item 3 is had by three users, 1 and 4 by two, 0 by one, in many sessions.
        let log = log(
            items: 5,
            [
                history([(1, [0, 3]), (2, [0]), (3, [0])]), history([(1, [1, 3, 4])]), history([(1, [1, 3, 4])]),
                history([(1, [2])]),
            ])
        let method = Ease(log, regularisation: 1, mostItems: 2, pool: pool)
        #expect(method.itemsTaken == 2)
        #expect(Set(method.list(log.asker(1), kept: 5)) == [1, 3])
        #expect(Ease(log, pool: pool).itemsTaken == 5)
    }

    @Test func anAskerWithoutAHistoryGetsAListAllTheSame() {
        let log = drawnLog(seed: 1)
        let nobody = Asker(history: TokenHistory(), now: 0, place: nil)
        #expect(Ease(log, pool: pool).list(nobody, kept: 3) == [0, 1, 2])
    }
}
