/// Reads the current release from PostgreSQL: candidate lists by user, and what comes next after a pair of clusters.
///
///     let client = try NearlineClient("dbname=shop")
///     let list = try client.candidates(for: 4711, count: 20)
///     for place in list.items { print(place.rank, place.item, place.score, place.source) }
///     print("from release \(list.release), events up to \(list.asOf)")
///
/// Every answer is whole, of one release, and of the one that was current when it was asked: a lookup reads the pointer
/// and the list in one snapshot, and where a release has been published since the last lookup, loads its items first
/// (seconds, for millions of them) and asks again. A user who has no list gets the fallback list; a key that the column
/// of users cannot hold is such a user.
///
/// One client has one connection and serves one thread at a time; make one for each thread. It works behind poolers, in
/// transaction mode too. It never reconnects by itself: where it says ``NearlineClientError/unreachable(reason:)``, the
/// caller decides whether to ``reconnect()`` or to serve something else.
public final class NearlineClient {
    package let session: ReleaseSession

    /// Connects. The first lookup loads the items of the current release.
    ///
    /// - Parameters:
    ///   - conninfo: as libpq takes it, keywords or a URI, but refused with a password in it; what it leaves out comes
    ///     from the `PG*` variables, service files and `~/.pgpass`.
    ///   - applicationName: as `pg_stat_activity` shows it.
    public init(
        _ conninfo: String = "", applicationName: String = "nearline-client"
    ) throws(NearlineClientError) {
        do {
            session = try ReleaseSession(conninfo, applicationName: applicationName)
        } catch {
            throw NearlineClientError(error)
        }
    }

    /// Opens a new connection in place of the old one, lost or not; what was loaded of a release is kept.
    public func reconnect() throws(NearlineClientError) {
        do {
            try session.reconnect()
        } catch {
            throw NearlineClientError(error)
        }
    }

    /// The list of a user, best first.
    ///
    /// - Parameter count: how many candidates at most; all, where it is left out.
    public func candidates(for user: UserKey, count: Int = .max) throws(NearlineClientError) -> CandidateList {
        var list = CandidateList()
        try candidates(for: user, count: count, into: &list)
        return list
    }

    /// Overwrites `list`, whose memory is used again; after an error it holds nothing of use.
    public func candidates(
        for user: UserKey, count: Int = .max, into list: inout CandidateList
    ) throws(NearlineClientError) {
        try reading.candidates(for: user, count: count, into: &list)
    }

    /// The lists of several users in their order, in one go over the connection; all of them are of one release.
    public func candidates(
        for users: [UserKey], count: Int = .max
    ) throws(NearlineClientError) -> [CandidateList] {
        try reading.candidates(for: users, count: count)
    }

    /// What most often comes next: after the last clusters of a user, as many of them as have an answer, else for everybody.
    ///
    /// - Parameter clusters: by name, latest last; names that are not known are passed over.
    public func nextClusters(after clusters: [String]) throws(NearlineClientError) -> NextClusters {
        try reading.nextClusters(after: clusters)
    }

    /// What most often comes next: after both clusters in this order, else after the latest alone, else for everybody.
    ///
    /// - Parameters:
    ///   - older: the cluster before the latest one, by name, where there is one.
    ///   - latest: the cluster of the user's latest session, by name, where there is one.
    public func nextClusters(older: String? = nil, latest: String?) throws(NearlineClientError) -> NextClusters {
        try reading.nextClusters(after: [older, latest].compactMap(\.self))
    }

    /// The release that is current now.
    public func currentRelease() throws(NearlineClientError) -> Release { try session.latest().release }

    /// Lets `body` read everything from the release that is current now, whatever is published meanwhile.
    ///
    /// Its tables are there until it is pruned; a read after that throws ``NearlineClientError/releaseGone(release:)``.
    /// Updates of single users within the release are seen as they come.
    public func withPinnedRelease<T>(_ body: (PinnedRelease) throws -> T) throws -> T {
        try body(PinnedRelease(session, try session.latest()))
    }

    /// The server process of this connection, as in `pg_stat_activity`.
    public var backendPID: Int32 { session.connection.backendPID }

    private var reading: ReleaseReading { ReleaseReading(session: session, pinned: nil) }
}

/// One release that all reads come from, see ``NearlineClient/withPinnedRelease(_:)``.
public struct PinnedRelease {
    /// What is read.
    public let release: Release
    private let reading: ReleaseReading

    init(_ session: ReleaseSession, _ loaded: LoadedRelease) {
        release = loaded.release
        reading = ReleaseReading(session: session, pinned: loaded)
    }

    /// The list of a user, best first.
    public func candidates(for user: UserKey, count: Int = .max) throws(NearlineClientError) -> CandidateList {
        var list = CandidateList()
        try reading.candidates(for: user, count: count, into: &list)
        return list
    }

    /// The lists of several users, in their order.
    public func candidates(
        for users: [UserKey], count: Int = .max
    ) throws(NearlineClientError) -> [CandidateList] {
        try reading.candidates(for: users, count: count)
    }

    /// As ``NearlineClient/nextClusters(after:)``.
    public func nextClusters(after clusters: [String]) throws(NearlineClientError) -> NextClusters {
        try reading.nextClusters(after: clusters)
    }

    /// As ``NearlineClient/nextClusters(older:latest:)``.
    public func nextClusters(older: String? = nil, latest: String?) throws(NearlineClientError) -> NextClusters {
        try reading.nextClusters(after: [older, latest].compactMap(\.self))
    }
}
