import Domain
import Tensors

/// Item vectors with planted groups: kinds of things, 40 of them, each of ten sorts, the sizes of both by Zipf's law.
///
/// An item is half its kind, a quarter its sort and a quarter itself, by squared length.
struct DrawnItems {
    let count: Int
    let width: Int
    let vectors: FloatBuffer

    private init(_ vectors: FloatBuffer, _ count: Int, _ width: Int) {
        self.vectors = vectors
        self.count = count
        self.width = width
    }

    init(_ count: Int, width D: Int, seed: UInt64) {
        var draw = SeededGenerator(seed: seed)
        let kinds = 40, sorts = 10
        let groups = (0..<kinds).flatMap { _ in
            let kind = Self.direction(D, 0.5, &draw)
            return (0..<sorts).map { _ in zip(kind, Self.direction(D, 0.25, &draw)).map(+) }
        }
        var sum = 0.0
        let ends = (0..<kinds * sorts).map { g in
            sum += 1 / Double((g / sorts + 1) * (g % sorts + 1))
            return sum
        }
        vectors = FloatBuffer(count * D)
        self.count = count
        width = D
        for item in 0..<count {
            let at = draw.uniform() * sum
            let own = Self.direction(D, 0.25, &draw)
            let group = groups[ends.firstIndex { $0 > at } ?? 0]
            for d in 0..<D { vectors.pointer[item * D + d] = group[d] + own[d] }
        }
    }

    /// The same items with noise of that share of a vector's length.
    func noisy(_ share: Double, seed: UInt64) -> DrawnItems {
        var draw = SeededGenerator(seed: seed)
        let noisy = FloatBuffer(count * width)
        let scale = share / Double(width).squareRoot()
        for i in 0..<count * width { noisy.pointer[i] = vectors.pointer[i] + Float(draw.normal() * scale) }
        return DrawnItems(noisy, count, width)
    }

    /// The same items in other axes, as another training would leave them.
    func turned(seed: UInt64) -> DrawnItems {
        var draw = SeededGenerator(seed: seed)
        var axes: [[Float]] = []
        while axes.count < width {
            var axis = Self.direction(width, 1, &draw)
            for other in axes {
                let along = zip(axis, other).reduce(Float(0)) { $0 + $1.0 * $1.1 }
                axis = zip(axis, other).map { $0 - along * $1 }
            }
            let length = axis.reduce(Float(0)) { $0 + $1 * $1 }.squareRoot()
            axes.append(axis.map { $0 / length })
        }
        let turn = FloatBuffer(width * width), turned = FloatBuffer(count * width)
        for (i, value) in axes.joined().enumerated() { turn.pointer[i] = value }
        multiply(
            Operand(vectors.pointer, stride: width), Operand(turn.pointer, stride: width), into: turned.pointer,
            stride: width, rows: count, columns: width, inner: width)
        return DrawnItems(turned, count, width)
    }

    private static func direction(_ D: Int, _ squaredLength: Double, _ draw: inout SeededGenerator) -> [Float] {
        let scale = (squaredLength / Double(D)).squareRoot()
        return (0..<D).map { _ in Float(draw.normal() * scale) }
    }
}
