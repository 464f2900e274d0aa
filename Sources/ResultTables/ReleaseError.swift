/// Why a release did not come to be, or to be current. In every case the current release still serves.
package enum ReleaseError: Error, Equatable, CustomStringConvertible {
    case rowsMissing(table: String, claimed: Int, stored: Int)
    case notBuilt(release: Int, state: String)
    case unknown(release: Int)
    case noRelease
    case pruned(release: Int)
    case rolledBack(release: Int, reason: String?, isPruned: Bool)
    case nothingToRollBackTo(current: Int)
    case notServedBefore(release: Int, state: String)
    case supersededMeanwhile(release: Int, by: Int)
    case rebuiltMeanwhile(release: Int, build: Int)
    case shardLost(release: Int, shard: Int)
    case takenOver(release: Int)
    case foreignDictionary(release: Int, model: String)
    case emptied(release: Int)
    case unfinished(release: Int)
    case notAKey(String, type: String)
    case rowOutsideDictionary(release: Int, row: UInt32, items: Int)

    package var description: String {
        switch self {
        case .rowsMissing(let table, let claimed, let stored):
            "\(table) holds \(stored) rows, \(claimed) were written; run nearline precompute again"
        case .notBuilt(let release, let state):
            "release \(release) is \(state), only a validated one can be published; run nearline precompute"
        case .unknown(let release): "there is no release \(release); nearline releases shows what there is"
        case .noRelease: "nothing is published yet; run nearline train, then nearline precompute"
        case .pruned(let release): "the tables of release \(release) were pruned; nearline releases shows what there is"
        case .rolledBack(let release, let reason, let isPruned):
            "release \(release) was rolled back\(reason.map { " (\($0))" } ?? ""); "
                + "precompute --again makes a new one"
                + (isPruned ? "" : ", publish \(release) --force --reason '...' takes it all the same")
        case .nothingToRollBackTo(let current):
            "no release before \(current) is left that was served and not rolled back; nearline releases shows what there is"
        case .notServedBefore(let release, let state):
            "release \(release) is \(state), a rollback goes to one that was served and superseded; see nearline releases"
        case .supersededMeanwhile(let release, let by):
            "release \(by) became current in place of \(release) meanwhile; nothing was changed: look at nearline releases"
        case .rebuiltMeanwhile(let release, let build):
            "build \(build) replaced the transitions of release \(release) meanwhile; they are served: "
                + "see nearline transitions --churn"
        case .shardLost(let release, let shard):
            "the lease of shard \(shard) of release \(release) ran out and another worker has it; nothing of it was stored here"
        case .takenOver(let release):
            "another run has taken over release \(release); this one stored nothing since: see nearline runs"
        case .foreignDictionary(let release, let model):
            "the items of release \(release) are not those of model \(model), so its lists cannot be made anew; "
                + "run nearline precompute"
        case .unfinished(let release):
            "release \(release) is still being built; ask again when nearline releases says so"
        case .emptied(let release):
            "release \(release) was unlogged, and a crash of the server has emptied it; run nearline rollback, "
                + "or nearline precompute --again"
        case .notAKey(let text, let type): "'\(text)' is no key of type \(type), which the users of this release have"
        case .rowOutsideDictionary(let release, let row, let items):
            "a list names item row \(row), release \(release) has \(items) items; was it made by the release's model?"
        }
    }
}
