import ResultTables

/// What must hold before new transitions may take the place of those that are served.
struct TransitionGates {
    private let minOverlap: Double
    private let maxDrop: Double

    init(_ settings: Settings) {
        minOverlap = settings.real("min-transition-overlap")
        maxDrop = settings.real("max-transition-drop")
    }

    /// - Parameter keysBefore: of the transitions that are served.
    func findings(_ build: TransitionBuild, release: Int, keysBefore: Int) -> [TransitionFinding] {
        var findings: [TransitionFinding] = []
        let drop = keysBefore > 0 ? Double(keysBefore - build.keys.count) / Double(keysBefore) : 0
        findings.append(
            TransitionFinding(
                passed: drop <= maxDrop && !build.keys.isEmpty,
                text: "keys: \(build.keys.count), \(keysBefore) before; bound: at most \(percentText(maxDrop)) fewer, "
                    + "and one at least; see: SELECT * FROM nearline.transition_builds WHERE release = \(release)"))
        if let churn = build.churn.first(where: { $0.against == TransitionMaker.buildBefore && $0.support == "all" }) {
            findings.append(
                TransitionFinding(
                    passed: churn.overlap >= minOverlap,
                    text: "overlap: the first successors of \(churn.keys) keys share \(percentText(churn.overlap)); "
                        + "bound: at least \(percentText(minOverlap)); see: SELECT * FROM nearline.transitions LIMIT 100"
                ))
        }
        return findings
    }
}

struct TransitionFinding: Equatable {
    var passed: Bool
    /// Figure, bound, and a query that shows more.
    var text: String
}

/// New transitions that did not pass their gates; those from before still serve.
package struct TransitionRefusal: Error, Equatable, CustomStringConvertible {
    let release: Int
    let findings: [TransitionFinding]

    init?(release: Int, findings: [TransitionFinding]) {
        guard findings.contains(where: { !$0.passed }) else { return nil }
        self.release = release
        self.findings = findings
    }

    package var description: String {
        let failed = findings.filter { !$0.passed }
        return """
            the new transitions do not pass \(failed.count) of \(findings.count) gates, those of release \(release) are as \
            they were:
            \(failed.map { "  \($0.text)" }.joined(separator: "\n"))
            mend the cause and run nearline transitions again, or take them all the same: --force --reason '...'
            """
    }
}
