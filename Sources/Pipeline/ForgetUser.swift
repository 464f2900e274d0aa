import ResultTables

/// `nearline forget`: a user leaves every release, overlay, quarantine and snapshot file, and their events are read no more.
package struct ForgetUser {
    package var user: String
    /// Only shows where the user is, and the query that proves it.
    package var showsProof: Bool
    package var dryRun: Bool

    package init(user: String, showsProof: Bool, dryRun: Bool) {
        self.user = user
        self.showsProof = showsProof
        self.dryRun = dryRun
    }

    private struct Facts: Encodable {
        var traces: [UserEraser.Trace]
        var snapshots: [String]
        var isForgotten: Bool
        var proof: String
    }

    package func run(_ context: RunContext) throws -> Answer {
        let changes = !showsProof && !dryRun
        let connection = try context.connectToSchema(isReadOnly: !changes)
        let eraser = UserEraser(connection), files = context.snapshots.map { SnapshotEraser($0, on: connection) }
        var facts = Facts(traces: [], snapshots: [], isForgotten: false, proof: UserEraser.proof(of: user))
        if changes {
            facts.traces = try context.stage("forgetting") { try eraser.forget(user) }
            try context.stage("vacuuming") { try eraser.vacuum(facts.traces) }
            facts.snapshots = try files?.erase(user) ?? []
        } else {
            facts.traces = try eraser.traces(of: user)
            facts.snapshots = try files?.holding(user) ?? []
        }
        facts.isForgotten = try eraser.forgottenAt(user) != nil
        return Answer(text(facts, changes), facts)
    }

    private func text(_ facts: Facts, _ changes: Bool) -> String {
        let places = facts.traces.map { "\($0.place) (\($0.rows))" } + facts.snapshots
        var lines: [String] = []
        if changes {
            lines.append(
                places.isEmpty
                    ? "nobody to forget: this user was nowhere; their events are not read from now on"
                    : "forgotten: removed from \(places.joined(separator: ", ")); their events are not read from now on"
            )
        } else if dryRun {
            lines.append(
                places.isEmpty
                    ? "would find nobody to forget" : "would remove the user from \(places.joined(separator: ", "))")
        } else {
            lines.append(
                places.isEmpty ? "this user is nowhere" : "this user is in \(places.joined(separator: ", "))")
            lines.append(facts.isForgotten ? "their events are not read" : "their events are still read: not forgotten")
        }
        lines.append("proof, no row where the user is nowhere:\n\(facts.proof);")
        return lines.joined(separator: "\n")
    }
}
