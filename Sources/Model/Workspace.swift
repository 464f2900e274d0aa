import Tensors

/// Scratch space of one worker for one batch at a time: what the forward pass computes, kept where the backward pass
/// needs it. Training keeps every block's activations; inference uses one set again and again.
package final class Workspace {
    /// Activations of one block; `R` rows.
    package final class Layer {
        /// `[R, D]` normalised input and `[R]` its inverse deviation.
        package let normed = FloatBuffer(), inverseDeviation = FloatBuffer()
        /// `[R, 4D]` before and after SiLU and rotation: gate, value, query, key.
        package let raw = FloatBuffer(), active = FloatBuffer()
        /// `[R, D]` attention output, normalised, and `[R]` its inverse deviation.
        package let attended = FloatBuffer(), attendedNormed = FloatBuffer(), attendedInverse = FloatBuffer()
        /// `[R, D]` gated (and dropped out), as the output projection reads it.
        package let gated = FloatBuffer()
    }

    /// `[R, D]`: summed embeddings, and the residual stream that starts as their tower's output.
    package let input = FloatBuffer()
    package let stream = FloatBuffer()
    package private(set) var layers: [Layer] = []
    let scores = FloatBuffer()
    let bias = FloatBuffer()
    package private(set) var rotation = RotationTable()

    package init() {}

    package func prepare(_ settings: ModelSettings, sessions: Int, keepsActivations: Bool) {
        while layers.count < (keepsActivations ? settings.blocks : 1) { layers.append(Layer()) }
        rotation.cover(sessions, settings)
    }

    package func layer(_ block: Int, keepsActivations: Bool) -> Layer { layers[keepsActivations ? block : 0] }
}
