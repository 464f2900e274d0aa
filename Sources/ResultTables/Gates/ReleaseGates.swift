import Postgres

/// Checks a release before it may become current: against its bounds, against the current one, against what the source
/// denies by now, and through the lookups that services call.
package struct ReleaseGates {
    private let bounds: GateBounds
    private let source: GateSource
    private let connection: Connection

    package init(_ bounds: GateBounds, source: GateSource, on connection: Connection) {
        self.bounds = bounds
        self.source = source
        self.connection = connection
    }

    /// Every gate's finding, in the order of ``Gate``; they are in `nearline.release_gate` too, in place of older ones.
    ///
    /// - Parameters:
    ///   - number: a release that is whole and not current: a validated one, or one that was served before.
    ///   - comparing: false where it is not to take the place of the current one.
    package func check(_ number: Int, comparing: Bool = true) throws -> [GateFinding] {
        // One instant for both releases and the source; the canary moves the pointer, in a transaction of its own.
        let (check, read, sample) = try connection.transaction(.readOnlySnapshot, doing: "checking release \(number)") {
            let check = try GateCheck(number, comparing: comparing, bounds: bounds, source: source, on: connection)
            let sample = try CanarySample.draw(
                release: number, users: bounds.canaryUsers, keys: bounds.canaryKeys, on: connection)
            return (check, try check.readings(), sample)
        }
        let findings = read + [try check.canary(sample)]
        try store(findings, of: number)
        return Gate.allCases.compactMap { gate in findings.first { $0.gate == gate } }
    }

    private func store(_ findings: [GateFinding], of number: Int) throws {
        let doing = "recording the gates of release \(number)"
        let known = "{" + findings.map(\.gate.rawValue).joined(separator: ",") + "}"
        try connection.transaction(doing: doing) {
            try connection.execute(
                "DELETE FROM nearline.release_gate WHERE release = $1::int AND gate <> ALL ($2::text[])",
                [.int(Int64(number)), .text(known)], doing: doing)
            for finding in findings {
                // Two checks of one release may run at once: the later one stands.
                try connection.execute(
                    """
                    INSERT INTO nearline.release_gate (release, gate, passed, figure, bound, query)
                    VALUES ($1::int, $2, $3, $4, $5, $6)
                    ON CONFLICT (release, gate) DO UPDATE SET passed = EXCLUDED.passed, figure = EXCLUDED.figure,
                        bound = EXCLUDED.bound, query = EXCLUDED.query, checked_at = EXCLUDED.checked_at
                    """,
                    [
                        .int(Int64(number)), .text(finding.gate.rawValue), .bool(finding.passed),
                        .text(finding.figure), .text(finding.bound), .text(finding.query),
                    ], doing: doing)
            }
        }
    }
}
