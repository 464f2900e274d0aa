import Domain
import Tensors

/// k-means over what the levels before left of a sample of items.
///
/// Every number is summed in an order that does not depend on how many threads there are.
package final class LevelTraining {
    private let rows: Floats
    private let count: Int
    private let D: Int
    private let pool: WorkerPool
    private let spaces: [FloatBuffer]
    private let tiles: Int
    private let norms: FloatBuffer
    private let distance: FloatBuffer
    private var nearest: [Int32]

    /// - Parameter rows: `[count, D]`, with zeros up to a whole number of tiles.
    package init(_ rows: Floats, count: Int, width D: Int, pool: WorkerPool) {
        self.rows = rows
        self.count = count
        self.D = D
        self.pool = pool
        tiles = (count + CentroidTable.tile - 1) / CentroidTable.tile
        spaces = (0..<pool.workers).map { _ in FloatBuffer() }
        norms = FloatBuffer(count)
        distance = FloatBuffer(count)
        nearest = [Int32](repeating: -1, count: count)
        for row in 0..<count { norms.pointer[row] = Kernels.dot(rows + row * D, rows + row * D, count: D) }
    }

    /// The centroids after at most `rounds` rounds from `start`, or from seeds of k-means++.
    package func centroids(_ size: Int, from start: [Float]?, rounds: Int, draw: inout SeededGenerator) -> [Float] {
        guard count > 0 else { return start ?? [Float](repeating: 0, count: size * D) }
        var centroids = start ?? seeds(size, &draw)
        for _ in 0..<rounds {
            let changed = assign(CentroidTable(centroids, width: D))
            guard changed else { break }
            centroids = means(centroids)
        }
        return centroids
    }

    /// Takes from each row its nearest centroid, for the next level to learn what is left.
    func subtract(_ centroids: [Float]) {
        let table = CentroidTable(centroids, width: D)
        _ = assign(table)
        for row in 0..<count {
            Kernels.add(table.centroid(Int(nearest[row])), times: -1, to: rows + row * D, count: D)
            norms.pointer[row] = Kernels.dot(rows + row * D, rows + row * D, count: D)
        }
    }

    /// Whether any row has another nearest centroid than before.
    private func assign(_ table: CentroidTable) -> Bool {
        let before = nearest
        nearest.withUnsafeMutableBufferPointer { nearest in
            let nearest = nearest
            pool.forEach(tiles) { tile, worker in
                let begin = tile * CentroidTable.tile
                let scores = spaces[worker].reserve(CentroidTable.tile * table.size)
                table.score(rows + begin * D, into: scores)
                for row in begin..<min(begin + CentroidTable.tile, count) {
                    let own = scores + (row - begin) * table.size
                    let best = CentroidTable.best(own, count: table.size)
                    nearest[row] = Int32(best)
                    distance.pointer[row] = max(0, norms.pointer[row] - 2 * own[best])
                }
            }
        }
        return nearest != before
    }

    /// Where the rows of each centroid are on average, by somebody else's assignment; -1 for a row without one. A
    /// centroid without rows begins at any row.
    func means(_ assignment: [Int32], _ size: Int, draw: inout SeededGenerator) -> [Float] {
        guard count > 0 else { return [Float](repeating: 0, count: size * D) }
        var means = (0..<size).flatMap { _ in
            let row = draw.below(count)
            return UnsafeBufferPointer(start: rows + row * D, count: D)
        }
        _ = average(assignment, into: &means)
        return means
    }

    /// The mean of each centroid's rows; one without rows moves to a row that is far from its own.
    private func means(_ centroids: [Float]) -> [Float] {
        var next = centroids
        let empty = average(nearest, into: &next)
        reseed(empty, in: &next)
        return next
    }

    /// Overwrites the centroids that have rows; returns the others.
    private func average(_ assignment: [Int32], into centroids: inout [Float]) -> [Int] {
        let size = centroids.count / D
        let (order, starts) = rowsByCentroid(assignment, size)
        centroids.withUnsafeMutableBufferPointer { centroids in
            let centroids = centroids
            pool.forEach(size) { k, _ in
                var sum = [Double](repeating: 0, count: D)
                for place in starts[k]..<starts[k + 1] {
                    let row = rows + order[place] * D
                    for d in 0..<D { sum[d] += Double(row[d]) }
                }
                let held = Double(starts[k + 1] - starts[k])
                if held > 0 { for d in 0..<D { centroids[k * D + d] = Float(sum[d] / held) } }
            }
        }
        return (0..<size).filter { starts[$0] == starts[$0 + 1] }
    }

    private func rowsByCentroid(_ assignment: [Int32], _ size: Int) -> (order: [Int], starts: [Int]) {
        var starts = [Int](repeating: 0, count: size + 1)
        for k in assignment where k >= 0 { starts[Int(k) + 1] += 1 }
        for k in 0..<size { starts[k + 1] += starts[k] }
        var order = [Int](repeating: 0, count: starts[size]), place = starts
        for row in 0..<count where assignment[row] >= 0 {
            order[place[Int(assignment[row])]] = row
            place[Int(assignment[row])] += 1
        }
        return (order, starts)
    }

    /// One after the other, each to the row that is then the farthest from all: those that are now lie together. Where
    /// all rows lie on their centroids there is nothing to move to, and the empty ones stay.
    private func reseed(_ empty: [Int], in centroids: inout [Float]) {
        for k in empty {
            var far = 0
            for row in 1..<max(1, count) where distance.pointer[row] > distance.pointer[far] { far = row }
            guard distance.pointer[far] > 1e-9 else { return }
            for d in 0..<D { centroids[k * D + d] = rows[far * D + d] }
            _ = approach(far)
        }
    }
}

extension LevelTraining {
    /// k-means++: each next seed is a row drawn by its squared distance from the seeds so far.
    ///
    /// Source: Arthur and Vassilvitskii 2007, "k-means++: the advantages of careful seeding".
    private func seeds(_ size: Int, _ draw: inout SeededGenerator) -> [Float] {
        var seeds: [Float] = []
        seeds.reserveCapacity(size * D)
        distance.pointer.update(repeating: .infinity, count: count)
        var row = draw.below(count)
        while true {
            seeds.append(contentsOf: UnsafeBufferPointer(start: rows + row * D, count: D))
            guard seeds.count < size * D else { return seeds }
            let sums = approach(row)
            row = drawn(sums, &draw) ?? draw.below(count)
        }
    }

    /// Lowers every row's distance to that from a new seed; the sum of each tile.
    private func approach(_ seed: Int) -> [Double] {
        var sums = [Double](repeating: 0, count: tiles)
        sums.withUnsafeMutableBufferPointer { sums in
            let sums = sums
            pool.forEach(tiles) { tile, _ in
                var sum = 0.0
                for row in tile * CentroidTable.tile..<min((tile + 1) * CentroidTable.tile, count) {
                    let product = Kernels.dot(rows + row * D, rows + seed * D, count: D)
                    let from = norms.pointer[row] + norms.pointer[seed] - 2 * product
                    distance.pointer[row] = min(distance.pointer[row], max(0, from))
                    sum += Double(distance.pointer[row])
                }
                sums[tile] = sum
            }
        }
        return sums
    }

    /// nil where every row is a seed already.
    private func drawn(_ sums: [Double], _ draw: inout SeededGenerator) -> Int? {
        let total = sums.reduce(0, +)
        guard total > 0 else { return nil }
        var left = draw.uniform() * total
        var tile = 0
        while tile + 1 < tiles, left >= sums[tile] {
            left -= sums[tile]
            tile += 1
        }
        let rows = tile * CentroidTable.tile..<min((tile + 1) * CentroidTable.tile, count)
        for row in rows {
            left -= Double(distance.pointer[row])
            if left < 0 { return row }
        }
        return rows.last { distance.pointer[$0] > 0 } ?? rows.lowerBound
    }
}
