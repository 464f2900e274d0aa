import Foundation
import Postgres
import ResultTables

/// What earlier runs have left half built, and what becomes of it.
struct LeftReleases {
    let context: RunContext
    let catalogue: ReleaseCatalogue
    let pruner: ReleasePruner

    init(_ context: RunContext, on connection: Connection) {
        self.context = context
        catalogue = ReleaseCatalogue(connection)
        pruner = ReleasePruner(connection)
    }

    /// The unfinished release that this run goes on with; the others are dropped, and it is said why.
    ///
    /// - Parameters:
    ///   - mustResume: throws where there is none.
    ///   - fromScratch: goes on with none.
    func goOn(
        with facts: ReleaseFacts, unlogged: Bool, mustResume: Bool = false, fromScratch: Bool = false
    ) throws -> Int? {
        let parts = (try? JSONDecoder().decode([String: String].self, from: Data(facts.madeFrom.utf8))) ?? [:]
        let decision = ResumeDecision(
            try catalogue.unfinished(history: facts.isHistory ? facts.date : nil), settingsHash: facts.settingsHash,
            madeFrom: parts, unlogged: unlogged, beginsAnew: fromScratch)
        if mustResume, decision.goesOnWith == nil {
            throw JobError.nothingToResume(reasons: decision.discards.sorted { $0.key < $1.key }.map(\.value))
        }
        for (release, reason) in decision.discards.sorted(by: { $0.key < $1.key }) {
            _ = try pruner.discardUnfinished([release], reason: reason)
            context.log.info(
                "dropped an unfinished release", metadata: ["release": "\(release)", "reason": "\(reason)"])
        }
        if let release = decision.goesOnWith {
            let progress = try catalogue.shards(of: release)
            context.log.info(
                "going on with an unfinished release",
                metadata: ["release": "\(release)", "shards": "\(progress.shards)", "done": "\(progress.done)"])
        }
        return decision.goesOnWith
    }

    /// What failed for a reason that will be there again is dropped at once, so that a bad night costs no disk; what was
    /// stopped, or met a server that was away, is left for the next run to go on with.
    func giveUp(_ release: Int?, because error: any Error, on connection: Connection) throws {
        let passing: [ExitCode] = [.databaseUnreachable, .heldOrLate, .fileFault]
        guard let release, StopSignal.shared.reason == nil, !passing.contains(ExitCode(for: error)) else {
            return
        }
        _ = try connection.reconnectIfLost()
        _ = try pruner.discardUnfinished([release], reason: "\(error)")
    }
}
