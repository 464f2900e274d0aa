import Domain
import ResultCodec
import Snapshots
import ResultCodec

/// Reads one release from a snapshot file, mapped into memory: the lists of ``NearlineClient`` without a round trip.
///
///     var reader = try SnapshotReader(folder: "/srv/nearline")
///     let list = try reader.candidates(for: 4711, count: 20)
///     if !reader.isCurrent { reader = try SnapshotReader(folder: "/srv/nearline") }
///
/// Any number of threads may use one reader. It goes on serving its release when another is published or the file is
/// removed; ``isCurrent`` is cheap enough to be asked every second. Near-line updates are in the database only.
public final class SnapshotReader: Sendable {
    /// What is read.
    public let release: Release
    private let snapshot: Snapshot
    private let folder: SnapshotFolder?
    private let decoding: ListDecoding
    private let dictionary: PayloadDictionary?
    private let clusters: ClusterNames

    /// Opens one file.
    public convenience init(path: String) throws(NearlineClientError) {
        do {
            try self.init(Snapshot(path: path), folder: nil)
        } catch {
            throw NearlineClientError(error)
        }
    }

    /// Opens the file that is current in a folder of snapshots.
    public convenience init(folder path: String) throws(NearlineClientError) {
        let folder = SnapshotFolder(path)
        do {
            try self.init(folder.openCurrent(), folder: folder)
        } catch {
            throw NearlineClientError(error)
        }
    }

    private init(_ snapshot: Snapshot, folder: SnapshotFolder?) throws(SnapshotError) {
        self.snapshot = snapshot
        self.folder = folder
        let facts = snapshot.facts
        func instant(_ microseconds: Int64) -> Instant { Instant(microsecondsSince1970: microseconds) }
        release = Release(
            number: facts.release, model: facts.model, asOf: instant(facts.asOf), serveAt: instant(facts.serveAt),
            publishedAt: facts.publishedAt.map(instant))
        let keys = try snapshot.itemKeys()
        let items = ItemDictionary(type: facts.itemType, bytes: keys.bytes, ends: keys.ends, owner: snapshot)
        decoding = ListDecoding(release: release, items: items)
        dictionary = snapshot.payloadDictionary.map { PayloadDictionary(Array($0)) }
        clusters = ClusterNames(build: nil, names: (0..<snapshot.clusters).map { snapshot.clusterName($0) ?? "" })
    }

    /// Whether the folder still leads to this file; true where a file was opened by its path. Costs one `stat`.
    public var isCurrent: Bool { folder?.isCurrent(snapshot) ?? true }

    /// The list of a user, best first; the fallback list where the user has none.
    ///
    /// - Parameter count: how many candidates at most; all, where it is left out.
    public func candidates(for user: UserKey, count: Int = .max) throws(NearlineClientError) -> CandidateList {
        var list = CandidateList()
        try candidates(for: user, count: count, into: &list)
        return list
    }

    /// Overwrites `list`, whose memory is used again: so a lookup allocates nothing, but for keys of text.
    public func candidates(
        for user: UserKey, count: Int = .max, into list: inout CandidateList
    ) throws(NearlineClientError) {
        let payload = try own(user)
        do throws(ListDecodingError) {
            try decoding.decode(
                payload ?? snapshot.fallback, dictionary: dictionary, origin: payload == nil ? .fallback : .own,
                asOf: release.asOf, count: count, into: &list)
        } catch {
            throw error.reason(release)
        }
    }

    /// As ``NearlineClient/nextClusters(after:)``.
    public func nextClusters(after names: [String]) throws(NearlineClientError) -> NextClusters {
        var next = NextClusters()
        try nextClusters(after: names, into: &next)
        return next
    }

    /// Overwrites `next`, whose memory is used again: so a lookup allocates nothing.
    public func nextClusters(after names: [String], into next: inout NextClusters) throws(NearlineClientError) {
        let last = clusters.last(of: names)
        var found: (basis: NextClusters.Basis, payload: UnsafeRawBufferPointer)?
        for basis in NextClusters.Basis.keyed where found == nil {
            found = last.key(basis).flatMap(snapshot.transition).map { (basis, $0) }
        }
        do throws(ListDecodingError) {
            try decoding.decode(
                found?.payload, dictionary: dictionary, basis: found?.basis ?? .nothing, names: clusters.names,
                into: &next)
        } catch {
            throw error.reason(release)
        }
    }

    /// As ``NearlineClient/nextClusters(older:latest:)``.
    public func nextClusters(older: String? = nil, latest: String?) throws(NearlineClientError) -> NextClusters {
        try nextClusters(after: [older, latest].compactMap(\.self))
    }

    /// Reads the whole file and throws where anything in it is damaged: for a canary, before a new file is put to use.
    public func verify() throws(NearlineClientError) {
        do {
            try snapshot.verify()
        } catch {
            throw NearlineClientError(error)
        }
    }

    private func own(_ user: UserKey) throws(NearlineClientError) -> UnsafeRawBufferPointer? {
        do {
            return try snapshot.payload(of: user.id)
        } catch {
            throw NearlineClientError(error)
        }
    }
}

extension ListDecodingError {
    /// A dictionary that the file does not hold is nowhere else.
    fileprivate func reason(_ release: Release) -> NearlineClientError {
        switch self {
        case .missingDictionary(_, let error): NearlineClientError(error, release: release.number)
        case .failed(let error): error
        }
    }
}
