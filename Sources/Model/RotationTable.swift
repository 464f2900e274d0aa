import Tensors

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// Cosines and sines of session-wise RoPE: `session · base^(-2j / d)` for every session and pair of a head.
package struct RotationTable {
    /// `[sessions, 2, d]`: each cosine twice, then each sine with minus and with plus.
    package let turns = FloatBuffer()
    private var sessions = 0

    package init() {}

    /// Makes the table cover `wanted` sessions; angles are computed in `Double`, because session numbers grow.
    mutating func cover(_ wanted: Int, _ settings: ModelSettings) {
        guard wanted > sessions else { return }
        sessions = max(wanted, 64)
        let d = settings.width / settings.heads
        let t = turns.reserve(sessions * 2 * d)
        for session in 0..<sessions {
            let turn = t + session * 2 * d
            for j in 0..<d / 2 {
                let angle = Double(session) * pow(settings.ropeBase, -2 * Double(j) / Double(d))
                (turn[2 * j], turn[2 * j + 1]) = (Float(cos(angle)), Float(cos(angle)))
                (turn[d + 2 * j], turn[d + 2 * j + 1]) = (-Float(sin(angle)), Float(sin(angle)))
            }
        }
    }
}
