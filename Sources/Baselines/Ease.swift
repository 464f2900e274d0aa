import Domain
import Tensors

/// Linear regression of every item on all others, in closed form: `B = I - P / diag(P)` with `P = (XᵀX + λI)⁻¹`, where
/// `X` says who ever had what; scores are one's own items, by age, times `B`.
///
/// Source: Steck 2019 (EASE^R), arXiv:1905.03375. Departure: where items may repeat, own items weigh by age instead of 1;
/// asked for novel items it is the paper's.
///
/// Time grows with the cube and memory with the square of the items: above ``mostItems`` the most popular ones take part,
/// and no others are listed.
package struct Ease: Recommender {
    package let name = "EASE"
    package let items: Int
    /// How many items take part.
    package var itemsTaken: Int { taken.count }
    /// `[n]`: the rows of those, ascending.
    private let taken: [Int32]
    /// `[N]`: where a row stands among them; negative for one that does not.
    private let place: [Int32]
    /// `[n, n]`
    private let weights: FloatBuffer
    private let halfLife: Double

    private static let itemsPerPiece = 64

    /// - Parameters:
    ///   - regularisation: `λ`.
    ///   - halfLife: days in which a session of the asker's loses half its weight.
    package init(
        _ log: SessionLog, regularisation: Float = 200, halfLife: Double = 60, mostItems: Int = 20_000,
        pool: WorkerPool
    ) {
        items = log.items
        self.halfLife = halfLife
        let baskets = Baskets(log, .users)
        let byUsers = (0..<log.items).map { baskets.count($0) }
        taken = (0..<Int32(log.items)).sorted { (-byUsers[Int($0)], $0) < (-byUsers[Int($1)], $1) }
            .prefix(max(0, mostItems)).sorted()
        var place = [Int32](repeating: -1, count: log.items)
        for (i, row) in taken.enumerated() { place[Int(row)] = Int32(i) }
        self.place = place
        weights = FloatBuffer(taken.count * taken.count)
        Self.count(baskets, taken, place, regularisation, into: weights.pointer, pool)
        precondition(invertSymmetric(weights.pointer, size: taken.count), "λ makes it positive definite")
        Self.divide(weights.pointer, size: taken.count, pool)
    }

    package func score(_ asker: Asker, wish: Wish, into scores: Floats) {
        let n = taken.count, sums = FloatBuffer(n)
        let own = wish == .novel ? asker.seen.map { ($0, 1) } : asker.agedItems(halfLife: halfLife)
        for (row, weight) in own where place[Int(row)] >= 0 {
            Kernels.add(weights.pointer + Int(place[Int(row)]) * n, times: weight, to: sums.pointer, count: n)
        }
        scores.update(repeating: -.infinity, count: items)
        for (i, row) in taken.enumerated() { scores[Int(row)] = sums.pointer[i] }
    }

    /// `G = XᵀX + λI`.
    private static func count(
        _ baskets: Baskets, _ taken: [Int32], _ place: [Int32], _ regularisation: Float, into G: Floats,
        _ pool: WorkerPool
    ) {
        let n = taken.count
        // Safe: every piece writes rows of its own.
        nonisolated(unsafe) let G = G
        pool.forEach((n + itemsPerPiece - 1) / itemsPerPiece) { piece, _ in
            for i in piece * itemsPerPiece..<min((piece + 1) * itemsPerPiece, n) {
                let row = G + i * n
                baskets.forEachNeighbour(of: Int(taken[i])) { other in
                    if place[other] >= 0 { row[Int(place[other])] += 1 }
                }
                row[i] += regularisation
            }
        }
    }

    /// `P ← -P / diag(P)` by columns, with zeros on the diagonal.
    private static func divide(_ P: Floats, size n: Int, _ pool: WorkerPool) {
        let factor = (0..<n).map { -1 / P[$0 * n + $0] }
        // Safe: every piece writes rows of its own.
        nonisolated(unsafe) let P = P
        pool.forEach((n + itemsPerPiece - 1) / itemsPerPiece) { piece, _ in
            for i in piece * itemsPerPiece..<min((piece + 1) * itemsPerPiece, n) {
                for j in 0..<n { P[i * n + j] *= factor[j] }
                P[i * n + i] = 0
            }
        }
    }
}
