import Tensors

/// The code of each item: the nearest centroid of the first level, then of what is left the nearest of the second, and
/// on.
struct CodedItems {
    /// One number per item, the first level as its highest digit; -1 for a vector with a number that is not finite.
    var codes: [Int64]
    /// Items with a code.
    var coded: Int
    /// Mean squared length of the vectors: 1, or less where some are zero.
    var energy: Double
    /// Mean squared length of what is left after each level.
    var errors: [Double]

    /// The share of the vectors' length that the codes account for.
    var explained: Double { energy > 0 ? max(0, 1 - errors[errors.count - 1] / energy) : 1 }

    /// Share of the coded items whose whole code is another's too.
    var collisionShare: Double {
        let sorted = codes.filter { $0 >= 0 }.sorted()
        var alone = 0
        for i in sorted.indices {
            let isFirst = i == 0 || sorted[i - 1] != sorted[i]
            let isLast = i == sorted.count - 1 || sorted[i + 1] != sorted[i]
            if isFirst && isLast { alone += 1 }
        }
        return sorted.isEmpty ? 0 : 1 - Double(alone) / Double(sorted.count)
    }
}

/// Gives codes to any number of vectors.
struct Quantiser {
    private let tables: [CentroidTable]
    private let D: Int

    init(_ centroids: [[Float]], width D: Int) {
        tables = centroids.map { CentroidTable($0, width: D) }
        self.D = D
    }

    /// - Parameter vectors: `[count, D]` of any scale.
    func code(_ vectors: UnsafePointer<Float>, count: Int, pool: WorkerPool) -> CodedItems {
        let tiles = (count + CentroidTable.tile - 1) / CentroidTable.tile
        let sums = 1 + tables.count
        let spaces = (0..<pool.workers).map { _ in Space(width: D, largest: tables.map(\.size).max() ?? 1) }
        var codes = [Int64](repeating: -1, count: count)
        var squares = [Double](repeating: 0, count: tiles * sums)
        codes.withUnsafeMutableBufferPointer { codes in
            squares.withUnsafeMutableBufferPointer { squares in
                let codes = codes, squares = squares
                pool.forEach(tiles) { tile, worker in
                    let begin = tile * CentroidTable.tile, end = min(begin + CentroidTable.tile, count)
                    codeTile(
                        vectors + begin * D, UnsafeMutableBufferPointer(rebasing: codes[begin..<end]),
                        UnsafeMutableBufferPointer(rebasing: squares[tile * sums..<(tile + 1) * sums]), spaces[worker])
                }
            }
        }
        return Self.summary(codes, squares, sums)
    }

    private func codeTile(
        _ vectors: UnsafePointer<Float>, _ codes: UnsafeMutableBufferPointer<Int64>,
        _ squares: UnsafeMutableBufferPointer<Double>, _ space: Space
    ) {
        let rows = space.rows.pointer, scores = space.scores.pointer
        for i in codes.indices {
            codes[i] = UnitRows.copy(vectors + i * D, width: D, into: rows + i * D) ? 0 : -1
            squares[0] += Double(Kernels.dot(rows + i * D, rows + i * D, count: D))
        }
        // Rows past the end hold what an earlier tile left there, which is finite and read by nobody.
        for (level, table) in tables.enumerated() {
            table.score(rows, into: scores)
            for i in codes.indices where codes[i] >= 0 {
                let best = CentroidTable.best(scores + i * table.size, count: table.size)
                codes[i] = codes[i] * Int64(table.size) + Int64(best)
                Kernels.add(table.centroid(best), times: -1, to: rows + i * D, count: D)
                squares[level + 1] += Double(Kernels.dot(rows + i * D, rows + i * D, count: D))
            }
        }
    }

    private static func summary(_ codes: [Int64], _ squares: [Double], _ sums: Int) -> CodedItems {
        let coded = codes.lazy.filter { $0 >= 0 }.count
        var means = [Double](repeating: 0, count: sums)
        for i in squares.indices { means[i % sums] += squares[i] / Double(max(1, coded)) }
        return CodedItems(codes: codes, coded: coded, energy: means[0], errors: Array(means.dropFirst()))
    }

    /// What one worker needs.
    private final class Space {
        let rows: FloatBuffer
        let scores: FloatBuffer

        init(width D: Int, largest: Int) {
            rows = FloatBuffer(CentroidTable.tile * D)
            scores = FloatBuffer(CentroidTable.tile * largest)
        }
    }
}
