import Tensors

/// Item embeddings as the model reads them (the sum of identity and side information) and as it is asked for them (unit
/// vectors), so that an item with few events still has a place through its category and seller.
package struct ItemVectors: @unchecked Sendable {
    /// `[n, D]` sums, `[n, D]` unit vectors, `[n]` their lengths before.
    package let sums = FloatBuffer()
    package let units = FloatBuffer()
    package let norms = FloatBuffer()

    package init() {}

    /// Every item of the vocabulary, row by row.
    package init(all parameters: ModelParameters, category: [Int32], seller: [Int32]) {
        fill(rows: 0..<Int32(category.count), parameters, category: category, seller: seller)
    }

    /// - Parameter rows: vocabulary rows; entry `i` of the result belongs to the `i`-th of them.
    package func fill(
        rows: some Collection<Int32>, _ parameters: ModelParameters, category: [Int32], seller: [Int32]
    ) {
        let D = parameters.settings.width
        let out = sums.reserve(rows.count * D)
        let rows = ContiguousArray(rows)
        for (i, row) in rows.enumerated() {
            if i + 8 < rows.count { Kernels.fetch(parameters.item.pointer + Int(rows[i + 8]) * D, count: D) }
            let sum = out + i * D
            sum.update(from: parameters.item.pointer + Int(row) * D, count: D)
            Kernels.add(parameters.category.pointer + Int(category[Int(row)]) * D, to: sum, count: D)
            Kernels.add(parameters.seller.pointer + Int(seller[Int(row)]) * D, to: sum, count: D)
        }
        Kernels.normalise(
            out, into: units.reserve(rows.count * D), norm: norms.reserve(rows.count), rows: rows.count, width: D,
            epsilon: parameters.settings.epsilon)
    }
}
