import Histories
import Postgres
import ResultTables

/// The last steps of a release, by whatever command: gates, snapshot, canary, and then the one row that moves.
struct Publication {
    let context: RunContext
    let source: EventSource
    let connection: Connection

    init(_ context: RunContext, source: EventSource, on connection: Connection) {
        self.context = context
        self.source = source
        self.connection = connection
    }

    /// - Parameter isForced: publishes although gates fail, which is recorded all the same.
    /// - Returns: what to tell people beside the release; nil where there is nothing.
    func publish(_ release: ReleaseRow, isForced: Bool = false, reason: String? = nil) throws -> String? {
        // What the gates compare with has to be current still when the pointer moves.
        let before = try ReleaseCatalogue(connection).current()
        let findings = try context.stage("checking the gates") {
            try ReleaseGates(bounds, source: gateSource, on: connection).check(release.release)
        }
        let refusal = GateRefusal(release: release.release, findings: findings)
        if let refusal, !isForced { throw refusal }
        for finding in refusal?.failed ?? [] {
            context.log.warning(
                "published by force although a gate fails",
                metadata: [
                    "gate": "\(finding.gate.rawValue)", "figure": "\(finding.figure)", "bound": "\(finding.bound)",
                ])
        }
        if let snapshots = context.snapshots {
            let snapshot = try snapshots.write(release, on: connection).snapshot
            let sample = try CanarySample.draw(
                release: release.release, users: bounds.canaryUsers, keys: 0, on: connection)
            let differing = try sample.differing { try SnapshotLookup(snapshot).list(of: $0) }
            guard differing.isEmpty else {
                throw JobError.snapshotDiffers(release: release.release, users: differing.count)
            }
        }
        return try context.stage("publishing") {
            let unaware = try ReleaseSwitch(connection).publish(
                release.release, inPlaceOf: before?.release, reason: reason, isForced: isForced)
            if unaware > 0 {
                context.log.warning(
                    "transactions from before may find no lists by prepared lookups until they end",
                    metadata: ["sessions": "\(unaware)"])
            }
            return try context.snapshots?.followMoved(release, on: connection)
        }
    }

    /// Holds a release of a past day to all gates but what compares with today's, and publishes nothing.
    func validate(_ release: Int) throws {
        let findings = try context.stage("checking the gates") {
            try ReleaseGates(bounds, source: gateSource, on: connection).check(release, comparing: false)
        }
        if let refusal = GateRefusal(release: release, findings: findings) { throw refusal }
    }

    private var gateSource: GateSource {
        GateSource(
            deniedForEverybody: source.deniedForEverybody, deniedPairs: source.deniedPairs, events: source.events)
    }

    private var bounds: GateBounds {
        let settings = context.settings
        var bounds = GateBounds()
        bounds.minUsers = settings.int("min-users")
        bounds.maxUserDrop = settings.real("max-user-drop")
        bounds.maxUserGrowth = settings.real("max-user-growth")
        bounds.maxSizeChange = settings.real("max-size-change")
        bounds.maxEmptyShare = settings.real("max-empty-share")
        bounds.maxShortShare = settings.real("max-short-share")
        bounds.maxExcludedShare = settings.real("max-excluded-share")
        bounds.maxFallbackShare = settings.real("max-fallback-share")
        bounds.minOverlap = settings.real("min-overlap")
        bounds.maxOverlap = settings.real("max-overlap")
        bounds.minRecall = settings.real("min-recall")
        bounds.maxRecallDrop = settings.real("max-recall-drop")
        bounds.minTransitionOverlap = settings.real("min-transition-overlap")
        bounds.maxTransitionDrop = settings.real("max-transition-drop")
        return bounds
    }
}
