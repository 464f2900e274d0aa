import Tensors

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// Cosines and sines of session-wise RoPE: `session · base^(-2j / d)` for every session and pair of a head.
package struct RotationTable {
    /// `[sessions, d / 2]` each.
    package let cosines = FloatBuffer()
    package let sines = FloatBuffer()
    private var sessions = 0

    package init() {}

    /// Makes the table cover `wanted` sessions; angles are computed in `Double`, because session numbers grow.
    mutating func cover(_ wanted: Int, _ settings: ModelSettings) {
        guard wanted > sessions else { return }
        sessions = max(wanted, 64)
        let d = settings.width / settings.heads
        let c = cosines.reserve(sessions * d / 2), s = sines.reserve(sessions * d / 2)
        for session in 0..<sessions {
            for j in 0..<d / 2 {
                let angle = Double(session) * pow(settings.ropeBase, -2 * Double(j) / Double(d))
                c[session * d / 2 + j] = Float(cos(angle))
                s[session * d / 2 + j] = Float(sin(angle))
            }
        }
    }
}
