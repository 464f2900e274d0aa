import Tensors

/// Scratch space of one worker for one batch at a time: what the forward pass computes, kept for the backward pass.
package final class Workspace {
    /// Activations of one block; `R` rows.
    package final class Layer {
        /// `[R, D]` normalised input and `[R]` its inverse deviation.
        package let normed = FloatBuffer(), inverseDeviation = FloatBuffer()
        /// `[R, 4D]` gate, value, query, key, and the slope of the SiLU that gave them.
        package let active = FloatBuffer(), slope = FloatBuffer()
        /// `[R, D]` attention output, normalised, and `[R]` its inverse deviation.
        package let attended = FloatBuffer(), attendedNormed = FloatBuffer(), attendedInverse = FloatBuffer()
        /// `[R, D]` gated (and dropped out), as the output projection reads it.
        package let gated = FloatBuffer()
        package let experts = ExpertSpace()
    }

    /// `[R, D]`: summed embeddings, and the residual stream that starts as their tower's output.
    package let input = FloatBuffer()
    package let stream = FloatBuffer()
    package private(set) var layers: [Layer] = []
    package let order = TimeOrder()
    package private(set) var rotation = RotationTable()
    private var heads: HeadAttention?

    package init() {}

    func prepare(_ settings: ModelSettings, _ batch: PackedBatch) -> HeadAttention {
        while layers.count < settings.blocks { layers.append(Layer()) }
        rotation.cover(batch.longest, settings)
        order.cover(batch)
        let heads = heads ?? HeadAttention(width: settings.headWidth, scale: 1 / Float(settings.attentionNorm))
        self.heads = heads
        return heads
    }
}
