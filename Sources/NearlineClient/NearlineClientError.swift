import Postgres
import ResultCodec
import Snapshots

/// Why there is no answer. None of these ever stands for "this user has no list": such a user gets the fallback list.
public enum NearlineClientError: Error, Equatable, Sendable {
    /// No connection, or it was lost. Call ``NearlineClient/reconnect()``, or serve something else for now.
    case unreachable(reason: String)
    /// No release has been published yet.
    case nothingPublished
    /// The release that was pinned, or the one that is current, has no tables any more.
    case releaseGone(release: Int)
    /// The column of users has keys of this type.
    case wrongKeyType(expected: KeyType)
    case damagedPayload(release: Int, reason: String)
    /// A part of the release that all lists need is not as it was written.
    case damagedRelease(release: Int, reason: String)
    /// Lists were written by a newer Nearline than this client.
    case schemaTooNew(reason: String)
    /// The database lacks what this client reads; migrations are counted from 1.
    case schemaTooOld(found: Int, needed: Int)
    /// The role may not read the tables.
    case noGrant(reason: String)
    case damagedSnapshot(path: String, reason: String)
    /// No such file, or none that can be read.
    case noSnapshot(path: String, reason: String)
    /// Anything else that the database refused; `sqlState` as in PostgreSQL's documentation, appendix A.
    case refused(sqlState: String?, reason: String)
}

extension NearlineClientError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .unreachable(let reason): "no connection to the database: \(reason)"
        case .nothingPublished: "no release has been published; run nearline precompute, then nearline publish"
        case .releaseGone(let release): "release \(release) has been pruned; ask again, for the current one"
        case .wrongKeyType(let expected): "users have \(expected.rawValue) keys; ask with such a key"
        case .damagedPayload(let release, let reason): "a list of release \(release) is damaged: \(reason)"
        case .damagedRelease(let release, let reason):
            "release \(release) is damaged: \(reason); roll back, or publish again"
        case .schemaTooNew(let reason): "the database is newer than this client: \(reason); upgrade NearlineClient"
        case .schemaTooOld(let found, let needed):
            "the database is at migration \(found), this client needs \(needed); run nearline migrate"
        case .noGrant(let reason): "the role may not read: \(reason)"
        case .damagedSnapshot(_, let reason), .noSnapshot(_, let reason): reason
        case .refused(_, let reason): reason
        }
    }
}

extension NearlineClientError {
    init(_ error: PostgresError) {
        self =
            switch error.kind {
            case .unreachable: .unreachable(reason: error.description)
            case .noGrant: .noGrant(reason: error.description)
            default: .refused(sqlState: error.sqlState, reason: error.description)
            }
    }

    /// A payload that cannot be read; `fact` names the list.
    init(_ error: PayloadError, release: Int) {
        self =
            switch error {
            case .unknownVersion, .unknownCodec, .unknownSource: .schemaTooNew(reason: error.description)
            default: .damagedPayload(release: release, reason: error.description)
            }
    }

    init(_ error: SnapshotError) {
        self =
            switch error {
            case .missing(let path), .unreadable(let path, _): .noSnapshot(path: path, reason: error.description)
            case .nothingPublished: .nothingPublished
            case .unknownVersion: .schemaTooNew(reason: error.description)
            case .wrongKeyType(_, let users): .wrongKeyType(expected: KeyType(users))
            case .notASnapshot(let path), .otherByteOrder(let path), .wrongLength(let path, _, _),
                .damagedHeader(let path), .damagedSection(let path, _), .damagedRecord(let path, _),
                .recordsMissing(let path, _, _), .otherRelease(let path, _):
                .damagedSnapshot(path: path, reason: error.description)
            }
    }
}
