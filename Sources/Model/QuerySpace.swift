import Tensors

/// Scratch space of one worker of a ``FrozenNetwork``; not safe to share while it is at work.
package final class QuerySpace: @unchecked Sendable {
    /// `[R, D]` residual stream, its normalised rows; `[R, 4D]` gate, value, query, key; `[R, D]` what attention gives.
    let stream = FloatBuffer(), normed = FloatBuffer(), active = FloatBuffer(), attended = FloatBuffer()
    /// `[D]` or `[5D]`: what all tokens of a session share.
    let shared = FloatBuffer()
    /// `[R]`.
    let inverse = FloatBuffer()
    /// `[users, D]` rows of requests, `[users, 2D]` their gates and queries, `[users, D]` their states.
    let asked = FloatBuffer(), gates = FloatBuffer(), states = FloatBuffer()
    let experts = ExpertSpace()
    let order = TimeOrder()
    var rotation = RotationTable()
    private var attention: HeadAttention?

    package init() {}

    func attention(_ settings: ModelSettings) -> HeadAttention {
        if let attention { return attention }
        let made = HeadAttention(width: settings.headWidth, scale: 1 / Float(settings.attentionNorm))
        attention = made
        return made
    }
}
