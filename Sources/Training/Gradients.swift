import Model
import Tensors

/// The gradient of one piece of a batch: dense parameters in the layout of ``ParameterLayout``, and item vectors by token.
///
/// Every piece has its own, whoever computed it, and pieces are summed in order: the sum is the same at any thread count.
final class Gradients {
    let dense = FloatBuffer()
    /// `[I, D]`: of the summed embedding of every item token, as an input and as a target (before normalising).
    let inputs = FloatBuffer()
    let targets = FloatBuffer()
    /// `[R, D]`: of the unit vectors of the shared negatives.
    let negatives = FloatBuffer()

    func clear(_ layout: ParameterLayout, items: Int, negatives count: Int, width D: Int) {
        dense.zeros(layout.denseCount)
        inputs.zeros(items * D)
        targets.zeros(items * D)
        negatives.zeros(count * D)
    }
}

/// Scratch of the backward pass, one per worker.
final class BackwardSpace {
    /// `[R, D]` gradient of the residual stream, `[R, 4D]` of the projections, `[R, D]` of whatever is in between.
    let stream = FloatBuffer()
    let active = FloatBuffer()
    let raw = FloatBuffer()
    let gated = FloatBuffer()
    let attended = FloatBuffer()
    let scores = FloatBuffer()
    let weights = FloatBuffer()
    let bias = FloatBuffer()
    let sums = FloatBuffer()
}
