import Domain
import Tensors

/// All numbers that training moves.
package final class ModelParameters: @unchecked Sendable {
    package let settings: ModelSettings
    package let layout: ParameterLayout
    /// `[V, D]`, `[categories, D]`, `[sellers, D]`.
    package let item: FloatBuffer
    package let category: FloatBuffer
    package let seller: FloatBuffer
    package let dense: FloatBuffer

    /// Zeros, to be read into.
    package init(_ settings: ModelSettings) {
        self.settings = settings
        layout = ParameterLayout(settings)
        item = FloatBuffer(settings.items * settings.width)
        category = FloatBuffer(settings.categories * settings.width)
        seller = FloatBuffer(settings.sellers * settings.width)
        dense = FloatBuffer(layout.denseCount)
    }

    /// The start of training: towers, value projections, output projections and heads are the identity plus 5% noise, so
    /// that what an item says reaches the query and the gradient reaches the item undistorted; random matrices need about
    /// five times the epochs. (The first query is not yet a mean of item vectors: gates and scores still have random signs.)
    package convenience init(_ settings: ModelSettings, seed: UInt64) {
        self.init(settings)
        var generator = SeededGenerator(seed: seed, stream: 0x1717)
        let D = settings.width
        let identityNoise = 0.05 / Double(D).squareRoot()
        fill(item, deviation: Self.itemDeviation, &generator)
        fill(category, deviation: 0.02, &generator)
        fill(seller, deviation: 0.02, &generator)
        // Row 0 of a side table stands for "none given" and says nothing; neither does any row where there is no side information.
        category.pointer.update(repeating: 0, count: settings.hasSideInformation ? D : category.count)
        seller.pointer.update(repeating: 0, count: settings.hasSideInformation ? D : seller.count)
        for entry in layout.entries {
            let start = dense.pointer + entry.offset
            if entry.name.hasSuffix("_b") { continue }
            let isSquare = entry.name == "tower_w" || entry.name.hasSuffix("_out_w") || entry.name == "horizon_w"
            // Experts read at the size of what they are given, and say next to nothing yet.
            let deviation =
                isSquare ? identityNoise : entry.name.hasSuffix("_experts_in") ? 1 / Double(D).squareRoot() : 0.02
            for i in 0..<entry.count { start[i] = Float(generator.normal() * deviation) }
            if isSquare {
                for i in stride(from: 0, to: entry.count, by: D * D) { addIdentity(start + i, stride: D, width: D) }
            } else if entry.name.hasSuffix("_uvqk") {
                for i in stride(from: 0, to: entry.count, by: 4 * D * D) {
                    addIdentity(start + i + D, stride: 4 * D, width: D)
                }
            }
        }
    }

    /// Of the numbers that item vectors start from.
    package static let itemDeviation = 0.1

    package func copy(from other: ModelParameters) {
        precondition(settings == other.settings)
        item.copy(from: other.item)
        category.copy(from: other.category)
        seller.copy(from: other.seller)
        dense.copy(from: other.dense)
    }

    package var areFinite: Bool {
        [item, category, seller, dense].allSatisfy { $0.values.allSatisfy { $0.isFinite } }
    }

    /// Every parameter by its name in the reference, for artifacts and for tests.
    package var named: [(name: String, shape: [Int], start: Floats)] {
        let D = settings.width
        return [
            ("item", [settings.items, D], item.pointer), ("category", [settings.categories, D], category.pointer),
            ("seller", [settings.sellers, D], seller.pointer),
        ] + layout.entries.map { ($0.name, $0.shape, dense.pointer + $0.offset) }
    }
}

private func fill(_ buffer: FloatBuffer, deviation: Double, _ generator: inout SeededGenerator) {
    for i in 0..<buffer.count { buffer.pointer[i] = Float(generator.normal() * deviation) }
}

private func addIdentity(_ start: Floats, stride: Int, width: Int) {
    for i in 0..<width { start[i * stride + i] += 1 }
}
