import Tensors

/// The centroids of one level, laid out for finding the nearest of them for many rows at once.
///
/// Rows are scored in tiles that are always full: a product of another shape may round in another way, and the nearest
/// centroid of a row must not depend on the rows around it. Safe to share: written only while it is made.
final class CentroidTable: @unchecked Sendable {
    static let tile = 512

    let size: Int
    let width: Int
    private let centroids: FloatBuffer
    private let halfNorms: FloatBuffer

    init(_ values: [Float], width D: Int) {
        size = values.count / D
        width = D
        centroids = FloatBuffer(values.count)
        halfNorms = FloatBuffer(size)
        values.withUnsafeBufferPointer { centroids.pointer.update(from: $0.baseAddress!, count: $0.count) }
        for k in 0..<size {
            halfNorms.pointer[k] = Kernels.dot(centroids.pointer + k * D, centroids.pointer + k * D, count: D) / 2
        }
    }

    func centroid(_ k: Int) -> Floats { centroids.pointer + k * width }

    /// `score = row · centroid - |centroid|² / 2`, the greater the nearer.
    ///
    /// - Parameters: rows: `[tile, D]`; scores: `[tile, size]`, overwritten.
    func score(_ rows: Floats, into scores: Floats) {
        multiply(
            Operand(rows, stride: width), Operand(centroids.pointer, stride: width, transposed: true), into: scores,
            stride: size, rows: Self.tile, columns: size, inner: width)
        for row in 0..<Self.tile {
            Kernels.add(halfNorms.pointer, times: -1, to: scores + row * size, count: size)
        }
    }

    /// The first of the greatest scores.
    static func best(_ scores: UnsafePointer<Float>, count: Int) -> Int {
        var best = 0
        var greatest = scores[0]
        for k in 1..<max(1, count) where scores[k] > greatest {
            best = k
            greatest = scores[k]
        }
        return best
    }
}
