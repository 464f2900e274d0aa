/// A release that did not pass its gates. What was current still is.
package struct GateRefusal: Error, Sendable, Equatable {
    package let release: Int
    package let findings: [GateFinding]

    /// nil where every gate was passed.
    package init?(release: Int, findings: [GateFinding]) {
        guard findings.contains(where: { !$0.passed }) else { return nil }
        self.release = release
        self.findings = findings
    }

    package var failed: [GateFinding] { findings.filter { !$0.passed } }
}

extension GateRefusal: CustomStringConvertible {
    package var description: String {
        let lines = failed.map { "  \($0.gate.rawValue): \($0.figure); bound: \($0.bound); see: \($0.query)" }
        return """
            release \(release) does not pass \(lines.count) of \(findings.count) gates, what was current still is:
            \(lines.joined(separator: "\n"))
            mend the cause and run nearline precompute again, or take it all the same: \
            nearline publish \(release) --force --reason '...'
            """
    }
}
