import Domain
import Model
import Tensors

/// AdamW over a model: all dense parameters every step, table rows only in the steps that touch them.
///
/// Departure from dense AdamW: a row that a batch leaves out keeps its value and moments in that step.
package final class Optimiser {
    private let parameters: ModelParameters
    private let category: [Int32]
    private let seller: [Int32]
    private let pool: WorkerPool
    let first: ModelParameters
    let second: ModelParameters
    package private(set) var steps = 0

    package init(_ parameters: ModelParameters, category: [Int32], seller: [Int32], pool: WorkerPool) {
        self.parameters = parameters
        self.category = category
        self.seller = seller
        self.pool = pool
        first = ModelParameters(parameters.settings)
        second = ModelParameters(parameters.settings)
    }

    /// Goes on from a checkpoint whose moments have been read into ``first`` and ``second``.
    func resume(atStep steps: Int) { self.steps = steps }

    /// - Parameter rate: the learning rate of this step.
    package func step(_ batch: TrainingBatch, _ gradient: BatchGradient, rate: Float, decay: Float) {
        steps += 1
        let step = AdamWStep(rate: rate, step: steps, decay: decay)
        Kernels.adamW(
            parameters.dense.pointer, gradient: gradient.dense.pointer, first: first.dense.pointer,
            second: second.dense.pointer, count: parameters.dense.count, step)
        let D = parameters.settings.width, n = batch.slots.count
        updateSide(\.category, of: category, batch, gradient, step)
        updateSide(\.seller, of: seller, batch, gradient, step)
        let ranges = 16, width = (n + ranges - 1) / ranges
        pool.forEach(ranges) { range, _ in
            let slots = min(n, range * width)..<min(n, (range + 1) * width)
            batch.slots.withUnsafeBufferPointer {
                Kernels.adamW(
                    parameters.item.pointer, gradient: gradient.slots.pointer + slots.lowerBound * D,
                    first: first.item.pointer, second: second.item.pointer,
                    rows: UnsafeBufferPointer(rebasing: $0[slots]), width: D, step)
            }
        }
    }

    /// A category's gradient is the sum over its items in the batch. Row 0 stands for "none given" and stays zero.
    private func updateSide(
        _ table: KeyPath<ModelParameters, FloatBuffer>, of side: [Int32], _ batch: TrainingBatch,
        _ gradient: BatchGradient, _ step: AdamWStep
    ) {
        guard parameters.settings.hasSideInformation else { return }
        let D = parameters.settings.width
        var sums: [Int32: [Int]] = [:]
        for slot in batch.slots.indices {
            let row = side[Int(batch.slots[slot])]
            if row > 0 { sums[row, default: []].append(slot) }
        }
        let sum = FloatBuffer(D)
        for (row, slots) in sums {
            sum.zeros(D)
            for slot in slots { Kernels.add(gradient.slots.pointer + slot * D, to: sum.pointer, count: D) }
            let place = Int(row) * D
            Kernels.adamW(
                parameters[keyPath: table].pointer + place, gradient: sum.pointer,
                first: first[keyPath: table].pointer + place, second: second[keyPath: table].pointer + place, count: D,
                step)
        }
    }
}
