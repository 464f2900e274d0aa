import Checksum
import Domain
import Histories
import Ledger
import Postgres
import ResultTables
import Transitions

/// `nearline transitions`: counts what comes next anew, for the release that is served and independent of its model.
///
/// Readers see the transitions from before until all of the new ones are there, in one transaction; a killed run leaves
/// nothing.
package struct RefreshTransitions {
    package var asOf: String
    package var again: Bool
    package var isForced: Bool
    package var reason: String?
    package var dryRun: Bool

    package init(asOf: String, again: Bool, isForced: Bool, reason: String?, dryRun: Bool) {
        self.asOf = asOf
        self.again = again
        self.isForced = isForced
        self.reason = reason
        self.dryRun = dryRun
    }

    /// At this overlap with the build before, the refresh was not needed.
    private static let unchanged = 0.98

    /// The release that is served, and the build that its transitions are of.
    private struct Served {
        let release: ReleaseRow
        let catalogue: TransitionCatalogue
        let stored: TransitionCatalogue.Stored

        init(on connection: Connection) throws {
            guard let release = try ReleaseCatalogue(connection).current() else { throw ReleaseError.noRelease }
            self.release = release
            catalogue = TransitionCatalogue(release: release.release, on: connection)
            guard let stored = try catalogue.stored() else { throw JobError.noBuild(release: release.release) }
            self.stored = stored
        }

        var facts: [String: Int] { ["release": release.release, "build": stored.build] }
    }

    package func run(_ context: RunContext) throws -> Answer {
        let connection = try context.connectToSchema(isReadOnly: dryRun)
        let source = try context.source(on: connection)
        let served = try Served(on: connection)
        let asOf = try Instant(asOf, source: source, on: connection)
        let print = try source.fingerprint(asOf: asOf.text, withExclusions: true, on: connection)
        let inputHash = TransitionMaker.inputHash(context.settings, print, asOf)
        if !again, served.stored.inputHash == inputHash { return try nothingToDo(served, context, on: connection) }
        if dryRun {
            return Answer(
                "would count the transitions of release \(served.release.release) anew, as of \(asOf.text), "
                    + "in place of build \(served.stored.build)", served.facts)
        }
        var answer: Answer?
        try context.booked(on: connection, settings: TransitionMaker.settings(context.settings)) { ledger, report in
            // Somebody else may have done it, or published, while this run waited to be booked.
            let served = try Served(on: connection)
            report.release = served.release.release
            answer =
                if !again, served.stored.inputHash == inputHash {
                    try nothingToDo(served, context, on: connection)
                } else {
                    try refresh(served, source, asOf, inputHash, context, ledger, &report, on: connection)
                }
        }
        return answer!
    }

    private func nothingToDo(_ served: Served, _ context: RunContext, on connection: Connection) throws -> Answer {
        let snapshot = dryRun ? nil : try context.snapshots?.follow(served.release, on: connection)
        return Answer(
            "nothing to do: the transitions of release \(served.release.release) are made from these events "
                + "(build \(served.stored.build))\(snapshot ?? "")", served.facts)
    }

    private func refresh(
        _ served: Served, _ source: EventSource, _ asOf: Instant, _ inputHash: String, _ context: RunContext,
        _ ledger: RunLedger, _ report: inout RunReport, on connection: Connection
    ) throws -> Answer {
        let release = served.release, stored = served.stored
        guard let known = try ClusterFinder.Previous(release, itemType: source.itemType, on: connection) else {
            throw JobError.noBuild(release: release.release)
        }
        let (found, added) = try context.stage("finding clusters") {
            try ClusterFinder(context: context, source: source, connection: connection).refreshed(known)
        }
        let maker = TransitionMaker(context: context, source: source)
        var (build, _) = try maker.build(
            known.items + added, found, asOf, inputHash: inputHash,
            previous: served.catalogue.successors(TransitionMaker.compared), &report
        ) { refused, report in
            try context.account(refused, of: source, ledger, &report)
        }
        build.facts.reason = reason
        let findings = TransitionGates(context.settings).findings(
            build, release: release.release, keysBefore: release.transitions)
        if let refusal = TransitionRefusal(release: release.release, findings: findings) {
            guard isForced else { throw refusal }
            context.log.warning("published by force", metadata: ["failed": "\(refusal)"])
        }
        let moved = zip(known.clusters, found.items.clusterOfItem).enumerated().compactMap { row, pair in
            pair.0 == pair.1 ? nil : (row: row, cluster: pair.1 >= 0 ? Int(pair.1) : nil)
        }
        let newcomers = zip(added, found.items.clusterOfItem.dropFirst(known.items.count)).map {
            (item: $0, cluster: Int($1))
        }
        let number = try context.stage("replacing the transitions") {
            try TransitionWriter(release: release.release, on: connection).replace(
                with: build, inPlaceOf: stored.build, moved: moved, added: newcomers, itemType: source.itemType)
        }
        report.counts["items that moved"] = moved.count
        report.counts["items added"] = added.count
        let snapshot = try context.snapshots?.followMoved(
            ReleaseCatalogue(connection).release(release.release), on: connection)
        return summary(build, number, release, stored, snapshot)
    }

    private func summary(
        _ build: TransitionBuild, _ number: Int, _ release: ReleaseRow, _ stored: TransitionCatalogue.Stored,
        _ snapshot: String?
    ) -> Answer {
        var lines = [
            "build \(number): \(build.keys.count) keys of \(build.clusters.count) clusters from "
                + "\(build.facts.transitions) transitions, in release \(release.release)\(snapshot ?? "")"
        ]
        let overlap = build.churn.first { $0.against == TransitionMaker.buildBefore && $0.support == "all" }?.overlap
        if let overlap {
            lines.append(
                "the first \(TransitionMaker.compared) successors of a key share \(percentText(overlap)) with build "
                    + "\(stored.build)" + (overlap >= Self.unchanged ? ": hardly anything changed" : ""))
        }
        if stored.interests > 0 {
            lines.append(
                "the \(stored.interests) interests of build \(stored.build) are not shown any more: run nearline interests, "
                    + "which asks about changed keys only")
        }
        if let hours = build.facts.refreshHours {
            lines.append("by how fast they change, refresh every \(TransitionReport.every(hours))")
        }
        return Answer(
            lines.joined(separator: "\n"),
            Facts(
                release: release.release, build: number, keys: build.keys.count, clusters: build.clusters.count,
                transitions: build.facts.transitions, overlapWithBuildBefore: overlap,
                refreshHours: build.facts.refreshHours))
    }

    private struct Facts: Encodable {
        var release: Int
        var build: Int
        var keys: Int
        var clusters: Int
        var transitions: Int
        var overlapWithBuildBefore: Double?
        var refreshHours: Double?
    }
}
