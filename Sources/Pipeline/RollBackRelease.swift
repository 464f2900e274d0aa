import Ledger
import Postgres
import ResultTables

/// `nearline rollback`: back to a release that was served before, in one transaction; the one left is not chosen again.
package struct RollBackRelease {
    /// nil takes the one that was served last and is still good.
    package var target: Int?
    package var reason: String?
    package var dryRun: Bool

    package init(target: Int?, reason: String?, dryRun: Bool) {
        self.target = target
        self.reason = reason
        self.dryRun = dryRun
    }

    package func run(_ context: RunContext) throws -> Answer {
        let connection = try context.connectToSchema(isReadOnly: dryRun)
        let catalogue = ReleaseCatalogue(connection)
        guard let current = try catalogue.current() else { throw ReleaseError.noRelease }
        if target == current.release {
            let served = dryRun ? nil : try context.snapshots?.follow(current, on: connection)
            return Answer(
                "nothing to do: release \(current.release) is current\(served ?? "")", ["release": current.release])
        }
        guard let chosen = try target.map({ try catalogue.release($0) }) ?? catalogue.lastGood() else {
            throw ReleaseError.nothingToRollBackTo(current: current.release)
        }
        guard chosen.state == "superseded" else {
            throw ReleaseError.notServedBefore(release: chosen.release, state: chosen.state)
        }
        guard !chosen.isPruned else { throw ReleaseError.pruned(release: chosen.release) }
        try catalogue.requireLists(of: chosen)
        if dryRun {
            return Answer(
                "would go back from release \(current.release) to \(chosen.release), \(ageText(chosen.ageSeconds)), "
                    + "\(chosen.users) users", ["from": current.release, "release": chosen.release])
        }
        var served: String?
        // Not booked in the ledger, where one run at a time is the rule: nothing may stand in the way of a way back. Who,
        // when and why is in nearline.release_event.
        try context.stage("rolling back") {
            try ReleaseSwitch(connection).rollBack(from: current.release, to: chosen.release, reason: reason)
            served = try context.snapshots?.followMoved(chosen, on: connection)
        }
        context.writeMetrics(on: connection)
        return Answer(
            """
            release \(chosen.release) is current (\(chosen.users) users, events \(ageText(chosen.ageSeconds)))\(served ?? "")
            release \(current.release) is rolled back, and is not chosen again
            """, ["from": current.release, "release": chosen.release])
    }
}
