import Domain

/// Why a snapshot file could not be read. It never gives a wrong list, and never says "no such user" because of damage.
package enum SnapshotError: Error, Equatable, Sendable {
    case missing(path: String)
    case unreadable(path: String, reason: String)
    case notASnapshot(path: String)
    case otherByteOrder(path: String)
    case unknownVersion(path: String, found: UInt32)
    case wrongLength(path: String, stated: UInt64, found: Int)
    case damagedHeader(path: String)
    case damagedSection(path: String, SnapshotSection)
    /// The record that begins at this byte of the file is not the one that was written there.
    case damagedRecord(path: String, at: Int)
    /// The index and the records, each whole by itself, do not belong together.
    case recordsMissing(path: String, stated: Int, found: Int)
    /// The key asked for is of another type than the users of this file.
    case wrongKeyType(path: String, users: IDType)
    /// The file's name promises another release than its contents.
    case otherRelease(path: String, found: Int)
    case nothingPublished(folder: String)
}

extension SnapshotError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .missing(let path): "there is no file \(path); publish a release with a snapshot, or name another file"
        case .unreadable(let path, let reason): "cannot read \(path): \(reason); check its permissions and its disk"
        case .notASnapshot(let path): "\(path) is no snapshot; name a release-N.nearline file"
        case .otherByteOrder(let path): "\(path) was written for another byte order; write it again on this machine"
        case .unknownVersion(let path, let found):
            "\(path) has snapshot version \(found), this reader knows \(SnapshotHeader.version); upgrade Nearline here"
        case .wrongLength(let path, let stated, let found):
            "\(path) has \(found) bytes and states \(stated); \(Self.restore)"
        case .damagedHeader(let path): "\(path) has a damaged header; \(Self.restore)"
        case .damagedSection(let path, let section): "\(path) has a damaged section, \(section); \(Self.restore)"
        case .damagedRecord(let path, let offset): "\(path) has a damaged record at byte \(offset); \(Self.restore)"
        case .recordsMissing(let path, let stated, let found):
            "\(path) states \(stated) users and has \(found); \(Self.restore)"
        case .wrongKeyType(let path, let users): "the users of \(path) have \(users.rawValue) keys; ask with such a key"
        case .otherRelease(let path, let found): "\(path) holds release \(found); \(Self.restore)"
        case .nothingPublished(let folder):
            "\(folder) has no current snapshot; publish a release with a snapshot there"
        }
    }

    private static let restore = "copy it again, write it again, or go back to an older release"
}

/// Why a snapshot file was not written. The file of that name, if there was one, is as before.
package enum SnapshotWriteError: Error, Equatable, Sendable {
    case unwritable(path: String, reason: String)
    case diskFull(path: String)
    /// Another process writes a file of that name at this moment.
    case busy(path: String)
    /// Two records of one user, counted from 0 in the order in which they came.
    case duplicateUser(path: String, record: Int)
    case duplicateTransition(path: String, key: Int64)
    /// Counted from 0; the key does not have the length of its type.
    case badKey(path: String, record: Int, byteCount: Int)
    case tooLarge(path: String, what: String)
    case currentRelease(path: String)
}

extension SnapshotWriteError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unwritable(let path, let reason): "cannot write \(path): \(reason); check the folder, then publish again"
        case .diskFull(let path): "the disk is full at \(path); free space or remove old snapshots, then publish again"
        case .busy(let path): "another process is writing \(path); wait for it, or end it"
        case .duplicateUser(let path, let record):
            "record \(record) for \(path) repeats a user; a release holds one list per user"
        case .duplicateTransition(let path, let key): "the transitions for \(path) repeat key \(key)"
        case .badKey(let path, let record, let byteCount):
            "the key of record \(record) for \(path) has \(byteCount) bytes, unlike its type; check the key type"
        case .tooLarge(let path, let what): "\(what) of \(path) is larger than a snapshot holds; split the release"
        case .currentRelease(let path): "\(path) is the current snapshot; let the folder follow another release first"
        }
    }
}
