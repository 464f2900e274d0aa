import Domain
import Tensors

/// Groups of like items where the source has no categories: spherical k-means over the model's unit item vectors.
package enum ItemGroups {
    private static let rounds = 12

    /// The group of each row, and the most popular item of each group (rows are in order of popularity).
    ///
    /// - Parameters:
    ///   - vectors: `[count, D]` unit vectors.
    ///   - groups: at most this many; empty ones are left out.
    package static func find(
        _ vectors: Floats, count: Int, width D: Int, groups: Int, seed: UInt64
    ) -> (groupOfRow: [Int32], leaders: [Int]) {
        var centres = start(vectors, count, D, groups, seed)
        var group = [Int32](repeating: 0, count: count)
        for _ in 0..<rounds { centres = step(vectors, count, D, centres, &group) }
        var leaders: [Int] = [], renamed: [Int32: Int32] = [:]
        for row in 0..<count where renamed[group[row]] == nil {
            renamed[group[row]] = Int32(leaders.count)
            leaders.append(row)
        }
        return (group.map { renamed[$0]! }, leaders)
    }

    /// The usual number: the square root of the catalogue, so that a group and the list of groups are about as long.
    package static func count(items: Int) -> Int { min(256, max(2, Int(Double(items).squareRoot()))) }

    private static func start(_ vectors: Floats, _ count: Int, _ D: Int, _ groups: Int, _ seed: UInt64) -> FloatBuffer {
        var draw = SeededGenerator(seed: seed, stream: 0xc105)
        let rows = Array(0..<count).shuffled(using: &draw).prefix(groups)
        let centres = FloatBuffer(rows.count * D)
        for (g, row) in rows.enumerated() { (centres.pointer + g * D).update(from: vectors + row * D, count: D) }
        return centres
    }

    /// Assigns every row to its nearest centre, then moves the centres to their rows' mean direction.
    private static func step(
        _ vectors: Floats, _ count: Int, _ D: Int, _ centres: FloatBuffer, _ group: inout [Int32]
    ) -> FloatBuffer {
        let groups = centres.count / D, tile = 512
        let scores = FloatBuffer(tile * groups), sums = FloatBuffer(groups * D)
        for begin in stride(from: 0, to: count, by: tile) {
            let n = min(tile, count - begin)
            multiply(
                Operand(vectors + begin * D, stride: D), Operand(centres.pointer, stride: D, transposed: true),
                into: scores.pointer, stride: groups, rows: n, columns: groups, inner: D)
            for i in 0..<n {
                var best = 0
                for g in 1..<groups where scores.pointer[i * groups + g] > scores.pointer[i * groups + best] {
                    best = g
                }
                group[begin + i] = Int32(best)
                Kernels.add(vectors + (begin + i) * D, to: sums.pointer + best * D, count: D)
            }
        }
        let next = FloatBuffer(groups * D), norms = FloatBuffer(groups)
        Kernels.normalise(sums.pointer, into: next.pointer, norm: norms.pointer, rows: groups, width: D, epsilon: 1e-6)
        return next
    }
}
