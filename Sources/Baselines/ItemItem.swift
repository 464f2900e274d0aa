import Domain
import Tensors

/// What is had together with what one had: cosine similarity of items over users or sessions, summed over one's own items
/// by age.
///
/// `similarity[i, j] = together[i, j] / ((√count[i] + 10) · (√count[j] + 10))`, zero for `i = j`: the 10 keeps items that
/// were hardly ever had from being similar to everything.
///
/// Source: Sarwar et al. 2001, "Item-based collaborative filtering recommendation algorithms"; the damping as usual.
package struct ItemItem: Recommender {
    package let name: String
    package var items: Int { popular.items }
    private let popular: PopularItems
    /// `[N, N]`
    private let similar: SparseRows
    private let halfLife: Double

    private static let damping: Float = 10
    /// Of each item the most similar ones are held, so that memory grows with the catalogue and not with its square.
    private static let mostSimilar = 4096
    private static let itemsPerPiece = 64

    /// - Parameter halfLife: days in which a session of the asker's loses half its weight.
    package init(
        _ log: SessionLog, _ kind: Basket, popular: PopularItems, halfLife: Double = 60, pool: WorkerPool
    ) {
        name = "item-item, \(kind.rawValue)"
        self.popular = popular
        self.halfLife = halfLife
        similar = ItemItem.similar(log, kind, most: Self.mostSimilar, pool: pool)
    }

    package func score(_ asker: Asker, wish: Wish, into scores: Floats) {
        popular.write(into: scores, times: 1e-9)
        for (row, weight) in asker.agedItems(halfLife: halfLife) {
            for entry in similar.range(Int(row)) { scores[Int(similar.column[entry])] += weight * similar.value[entry] }
        }
    }

    /// `[N, N]`: the similarity of each item to the `most` items most like it, itself aside.
    package static func similar(_ log: SessionLog, _ kind: Basket, most: Int, pool: WorkerPool) -> SparseRows {
        let baskets = Baskets(log, kind), N = log.items
        let size = (0..<N).map { Float(baskets.count($0)).squareRoot() + Self.damping }
        let pieces = (N + Self.itemsPerPiece - 1) / Self.itemsPerPiece
        let counters = (0..<pool.workers).map { _ in FloatBuffer(N) }
        var parts = [SparseRows](repeating: SparseRows(), count: pieces)
        parts.withUnsafeMutableBufferPointer { parts in
            // Safe: every piece writes its own place.
            nonisolated(unsafe) let parts = parts
            pool.forEach(pieces) { piece, worker in
                for item in piece * Self.itemsPerPiece..<min((piece + 1) * Self.itemsPerPiece, N) {
                    parts[piece].append(Self.row(item, baskets, size, most, counters[worker].pointer))
                }
            }
        }
        var similar = SparseRows()
        for part in parts { similar.append(contentsOf: part) }
        return similar
    }

    /// - Parameter together: `[N]` zeros, and zeros again afterwards.
    private static func row(
        _ item: Int, _ baskets: Baskets, _ size: [Float], _ most: Int, _ together: Floats
    ) -> [(column: Int32, value: Float)] {
        var touched: [Int32] = []
        baskets.forEachNeighbour(of: item) { other in
            if together[other] == 0 { touched.append(Int32(other)) }
            together[other] += 1
        }
        var row: [(column: Int32, value: Float)] = []
        row.reserveCapacity(touched.count)
        for other in touched {
            if Int(other) != item {
                row.append((other, together[Int(other)] / (size[item] * size[Int(other)])))
            }
            together[Int(other)] = 0
        }
        guard row.count > most else { return row }
        return Array(row.sorted { $0.value != $1.value ? $0.value > $1.value : $0.column < $1.column }[..<most])
    }
}
