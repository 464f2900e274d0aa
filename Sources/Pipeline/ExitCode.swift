import Clusters
import Histories
import Importing
import Interests
import Ledger
import Postgres
import ResultCodec
import ResultTables
import Retrieval
import Safetensors
import Simulation
import Snapshots
import Training
import Transitions

/// What a process says to cron when it ends (sysexits.h).
package enum ExitCode: Int32, Sendable {
    case done = 0
    case usage = 64
    case data = 65
    case missingInput = 66
    case databaseUnreachable = 69
    case internalFault = 70
    case fileFault = 74
    case heldOrLate = 75
    case schemaVersion = 76
    case grants = 77
    case configuration = 78

    /// The code of a failure; a stop by a signal is 128 + its number and not one of these.
    package init(for error: any Error) {
        self =
            switch error {
            case is SettingsError: .configuration
            case is DateError: .data
            case let error as BackfillError: error.code
            case let error as ImportError: ExitCode(error)
            case let error as SourceError: ExitCode(error)
            case let error as PostgresError: ExitCode(error)
            case is ClusterError, is TransitionError: .data
            case SchemaError.otherEncoding: .configuration
            case is SchemaError: .schemaVersion
            case is LedgerError, is LimitReached: .heldOrLate
            case let error as SafetensorsError: ExitCode(error)
            case ReleaseError.noRelease: .missingInput
            case SnapshotWriteError.busy, ReleaseError.supersededMeanwhile, ReleaseError.rebuiltMeanwhile,
                ReleaseError.shardLost,
                ReleaseError.takenOver:
                .heldOrLate
            case is ReleaseError, is GateRefusal, is TransitionRefusal, is PayloadError, is TrainingError,
                is ImportRefused:
                .data
            case let error as SnapshotNotFollowed: ExitCode(for: error.reason)
            case let error as ChatError: ExitCode(error)
            case let error as InterestError: error.isForLater ? .heldOrLate : .data
            case is InterestRefusal: .data
            case JobError.otherClusters, JobError.otherEmbedding: .configuration
            case JobError.unknownRun, JobError.notFed: .missingInput
            case JobError.viewsWithoutTables, JobError.notAPlace, JobError.unknownMethod, JobError.notAKey: .usage
            case JobError.unwritable, JobError.noRoom, is SnapshotWriteError: .fileFault
            case SnapshotError.missing, SnapshotError.nothingPublished: .missingInput
            case SnapshotError.unreadable: .fileFault
            case is SnapshotError: .data
            case is JobError: .data
            case is SimulationError: .fileFault
            default: .internalFault
            }
    }

    private init(_ error: ImportError) {
        self =
            switch error {
            case .missingFile: .missingInput
            case .notReadable: .fileFault
            case .malformedMapping, .unknownLogicalColumn, .columnMappedTwice: .usage
            default: .data
            }
    }

    private init(_ error: SourceError) {
        self =
            switch error {
            case .missingRelation, .noRelation: .missingInput
            case .badName: .configuration
            default: .data
            }
    }

    private init(_ error: ChatError) {
        self =
            switch error {
            case .badAddress, .badKey, .refused: .configuration
            case .unreachable: .databaseUnreachable
            case .unavailable, .pauseTooLong, .stopped: .heldOrLate
            case .malformed: .data
            }
    }

    private init(_ error: PostgresError) {
        self =
            switch error.kind {
            case .unreachable, .readOnly: .databaseUnreachable
            case .noGrant: .grants
            case .missingRelation: .missingInput
            case .diskFull: .fileFault
            case .malformed, .missingColumn: .data
            // Cancelled by somebody else, or by a timeout of theirs: trying again later may well work.
            case .transient, .cancelled: .heldOrLate
            // Class 22: the data does not fit its type, such as a user key that is no number.
            default: error.sqlState?.hasPrefix("22") == true || error.sqlState == "42804" ? .data : .internalFault
            }
    }

    private init(_ error: SafetensorsError) {
        self =
            switch error {
            case .missing: .missingInput
            case .unreadable, .unwritable: .fileFault
            case .damaged, .missingTensor: .data
            }
    }
}

/// Why a job cannot do what it was asked, where no part of it is to blame.
package enum JobError: Error, Equatable, CustomStringConvertible {
    case noModel(asOf: String?)
    case badInstant(String)
    case modelIsYounger(model: String, trainedTo: String, asOf: String)
    case modelKnowsTargets(model: String)
    case unknownMethod(String, known: [String])
    case notAKey(String, type: String)
    case importMismatch(relation: String, column: String, found: String, file: String)
    case nobody(relation: String)
    case everythingExcluded(items: Int)
    case unwritable(path: String, reason: String)
    case unknownClusters(String, release: Int, count: Int)
    case snapshotDiffers(release: Int, users: Int)
    case noClusters(source: String, found: Int)
    case noEmbeddings(column: String)
    case otherClusters(asked: String, stored: String, release: Int)
    case otherEmbedding(asked: String, stored: String, release: Int)
    case otherWidth(column: String, found: Int, learned: Int)
    case nothingToResume(reasons: [String])
    case emptySide(cut: String, isBefore: Bool)
    case noBuild(release: Int)
    case noRoom(what: String, needed: Int, free: Int, at: String)
    case unknownRun(Int)
    case overlayFull(release: Int, users: Int)
    case notFed(events: String)
    case viewsWithoutTables([String])
    case notAPlace(String, reason: String)

    package var description: String {
        switch self {
        case .noModel(let asOf):
            "there is no model\(asOf.map { " of \($0) or before" } ?? ""); run: nearline train"
        case .badInstant(let text):
            "'\(text)' is no instant; write 2026-01-31T00:00:00Z, now, or latest (the newest event)"
        case .modelIsYounger(let model, let trainedTo, let asOf):
            "model \(model) has seen events up to \(trainedTo), after the as-of instant \(asOf); "
                + "train one with --as-of \(asOf), or choose a later instant"
        case .modelKnowsTargets(let model):
            "model \(model) was trained on the events that are to be foreseen; train one with --leave-one-out, "
                + "or compare the simple methods with --without-model"
        case .unknownMethod(let name, let known):
            "there are no lists of '\(name)'; there are those of: \(known.joined(separator: "; "))"
        case .notAKey(let text, let type):
            "user '\(text)' is no \(type), as this source has them; write the key plainly"
        case .importMismatch(let relation, let column, let found, let file):
            "\(relation).\(column) is \(found), the file's keys are \(file); import into another schema with --into"
        case .nobody(let relation): "\(relation) has no row yet"
        case .everythingExcluded(let items):
            "all \(items) items are excluded or unavailable; look at the exclusions and the items' available column"
        case .unwritable(let path, let reason): "cannot write \(path): \(reason)"
        case .snapshotDiffers(let release, let users):
            "the snapshot of release \(release) answers \(users) users otherwise than the database; the old one is served: "
                + "remove its file and publish again"
        case .noClusters(let source, let found):
            "the items have \(found) clusters by \(source); transitions need two: mend the items relation, "
                + "or set clusters to another of category, seller and semantic"
        case .noEmbeddings(let column):
            "no known item has a value in \(column) of the items relation; fill it, or set no --embedding"
        case .otherClusters(let asked, let stored, let release):
            "clusters are set to '\(asked)', those of release \(release) are by \(stored) and change with a release only; "
                + "run nearline precompute, or set clusters to auto"
        case .otherEmbedding(let asked, let stored, let release):
            "the embedding is set to '\(asked)', the clusters of release \(release) were learned from "
                + (stored.isEmpty ? "the model's vectors" : "'\(stored)'") + " and change with a release only; "
                + "run nearline precompute, or leave the setting away"
        case .otherWidth(let column, let found, let learned):
            "\(column) of the items relation holds vectors of \(found) numbers, the clusters were learned from \(learned); "
                + "run nearline precompute, which learns them anew"
        case .nothingToResume(let reasons):
            reasons.isEmpty
                ? "there is no unfinished release to go on with; run nearline precompute without --resume"
                : "the unfinished release cannot be gone on with: \(reasons.joined(separator: "; ")); "
                    + "run nearline precompute without --resume, which begins anew"
        case .emptySide(let cut, let isBefore):
            isBefore
                ? "nothing was counted up to the cut \(cut); choose a later one with --cut"
                : "no next cluster is known after the cut \(cut); choose an earlier one with --cut"
        case .noBuild(let release):
            "release \(release) is from before builds of transitions were recorded; run nearline precompute once"
        case .noRoom(let what, let needed, let free, let path):
            "\(what) needs about \(sizeText(needed)), \(path) has \(sizeText(free)) free; nothing was written: "
                + "free space there, run nearline prune, or keep fewer candidates per user"
        case .notFed(let events):
            "nothing says whose events have changed; run nearline refresh --install once, as the owner of \(events)"
        case .viewsWithoutTables(let views):
            "\(views.joined(separator: " and ")) \(views.count == 1 ? "is" : "are") not a table, and only tables tell of "
                + "changes; name those behind, with the column of the user's key: --on schema.table:user_id"
        case .notAPlace(let text, let reason): "--on \(text): \(reason); write schema.table:user_id"
        case .overlayFull(let release, let users):
            "the overlay of release \(release) is full with \(users) users; raise overlay-users, "
                + "or run nearline precompute, which takes everybody in"
        case .unknownRun(let run): "there is no run \(run); nearline runs lists them"
        case .unknownClusters(let text, let release, let count):
            "'\(text)' is no cluster, and not several with commas between; "
                + "nearline.release_cluster names the \(count) of release \(release)"
        }
    }
}
