import Tensors

/// The dense weights of a network laid out for its products, forward and back; good until the parameters move.
package final class PackedWeights: Sendable {
    package struct Weight: Sendable {
        package let forward: PackedMatrix
        /// Transposed, for gradients.
        package let back: PackedMatrix

        init(_ start: Floats, stride: Int, inner: Int, columns: Int) {
            forward = PackedMatrix(start, stride: stride, inner: inner, columns: columns)
            back = PackedMatrix()
            back.pack(start, stride: stride, transposed: true, inner: columns, columns: inner)
        }
    }

    package struct Block: Sendable {
        /// `[D, 4D]` of context tokens, and of item tokens: the same, or one of their own.
        package let contexts: Weight
        package let items: Weight
        /// `[D, D]` of item tokens: what the last block needs of them.
        package let itemValue: Weight
        package let itemKey: Weight
        /// `[D, D]`.
        package let output: Weight
        package let experts: ExpertMixture?
    }

    /// `[D, D]` of context tokens and of item tokens.
    package let towers: [Weight]
    package let blocks: [Block]

    package init(_ parameters: ModelParameters) {
        let D = parameters.settings.width, layout = parameters.layout, dense = parameters.dense.pointer
        func square(_ offset: Int, stride: Int) -> Weight {
            Weight(dense + offset, stride: stride, inner: D, columns: D)
        }
        towers = (0..<2).map { square(layout.tower + $0 * D * D, stride: D) }
        blocks = layout.blocks.map { at in
            let contexts = Weight(dense + at.projection, stride: 4 * D, inner: D, columns: 4 * D)
            let itemsAt = at.projection + (at.isTokenSpecific ? 4 * D * D : 0)
            return Block(
                contexts: contexts,
                items: at.isTokenSpecific ? Weight(dense + itemsAt, stride: 4 * D, inner: D, columns: 4 * D) : contexts,
                itemValue: square(itemsAt + D, stride: 4 * D), itemKey: square(itemsAt + 3 * D, stride: 4 * D),
                output: square(at.output, stride: D), experts: at.experts.map { ExpertMixture(parameters, $0) })
        }
    }
}
