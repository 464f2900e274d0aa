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
        rows: some Collection<Int32>, _ parameters: ModelParameters, category: [Int32], seller: [Int32],
        pool: WorkerPool = WorkerPool(workers: 1)
    ) {
        let D = parameters.settings.width, rows = ContiguousArray(rows)
        let sums = sums.reserve(rows.count * D), units = units.reserve(rows.count * D)
        let norms = norms.reserve(rows.count)
        let ranges = 16
        pool.forEach(ranges) { range, _ in
            let begin = rows.count * range / ranges, end = rows.count * (range + 1) / ranges
            for i in begin..<end {
                if i + 8 < end { Kernels.fetch(parameters.item.pointer + Int(rows[i + 8]) * D, count: D) }
                let sum = sums + i * D, row = Int(rows[i])
                sum.update(from: parameters.item.pointer + row * D, count: D)
                Kernels.add(parameters.category.pointer + Int(category[row]) * D, to: sum, count: D)
                Kernels.add(parameters.seller.pointer + Int(seller[row]) * D, to: sum, count: D)
            }
            Kernels.normalise(
                sums + begin * D, into: units + begin * D, norm: norms + begin, rows: end - begin, width: D,
                epsilon: parameters.settings.epsilon)
        }
    }
}
