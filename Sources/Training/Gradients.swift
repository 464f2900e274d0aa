import Model
import Tensors

/// The gradient of some pieces of a batch: dense parameters in the layout of ``ParameterLayout``, and the shared negatives.
///
/// Which pieces are summed together depends on the batch alone, and these sums are taken in order: the whole is the same at
/// any thread count.
final class Gradients {
    let dense = FloatBuffer()
    /// `[R, D]`: of the unit vectors of the shared negatives.
    let negatives = FloatBuffer()

    func clear(_ layout: ParameterLayout, negatives count: Int, width D: Int) {
        dense.zeros(layout.denseCount)
        negatives.zeros(count * D)
    }
}

/// The gradient of the item tokens of a batch, piece after piece.
final class TokenGradients {
    /// `[I, D]`: of the summed embedding of every item token, as an input and as a target (of its unit vector).
    let inputs = FloatBuffer()
    let targets = FloatBuffer()

    func reserve(items: Int, width D: Int) {
        inputs.reserve(items * D)
        targets.reserve(items * D)
    }

    /// Those of one piece, which begins with the batch's item `first`; its targets are zeros, its inputs anything.
    func piece(first: Int, items: Int, width D: Int) -> Piece {
        (targets.pointer + first * D).update(repeating: 0, count: items * D)
        return Piece(inputs: inputs.pointer + first * D, targets: targets.pointer + first * D)
    }

    struct Piece {
        let inputs: Floats
        let targets: Floats
    }
}

/// Scratch of the backward pass, one per worker.
final class BackwardSpace {
    /// `[R, D]` gradient of the residual stream, `[R, 4D]` of the projections before SiLU, `[R, D]` of whatever is in between.
    let stream = FloatBuffer()
    let raw = FloatBuffer()
    let gated = FloatBuffer()
    let attended = FloatBuffer()
    let experts = ExpertBackSpace()
    private var heads: HeadGradient?

    func heads(_ settings: ModelSettings) -> HeadGradient {
        let made = heads ?? HeadGradient(width: settings.headWidth, scale: 1 / Float(settings.attentionNorm))
        heads = made
        return made
    }
}
