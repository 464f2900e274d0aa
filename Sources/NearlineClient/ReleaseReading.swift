import Domain
import Postgres

/// Questions about one release, asked in a session: the current one, or one that is pinned.
struct ReleaseReading {
    let session: ReleaseSession
    /// nil to read whichever is current.
    let pinned: LoadedRelease?

    func candidates(
        for user: UserKey, count: Int, into list: inout CandidateList
    ) throws(NearlineClientError) {
        try session.read(pinned) { release in
            let rows = try session.ask(
                release.lists, [try user.parameter(release.userType)], doing: "looking up a list")
            try read(rows, of: release, count: count, into: &list)
        }
    }

    func candidates(for users: [UserKey], count: Int) throws(NearlineClientError) -> [CandidateList] {
        try session.read(pinned) { release in
            var lists = [CandidateList](repeating: CandidateList(), count: users.count)
            let parameters = try users.map { [try $0.parameter(release.userType)] }
            try session.askEach(release.lists, parameters, doing: "looking up \(users.count) lists") { number, rows in
                try read(rows, of: release, count: count, into: &lists[number])
            }
            return lists
        }
    }

    func nextClusters(after clusters: [String]) throws(NearlineClientError) -> NextClusters {
        try session.read(pinned) { release in
            guard let names = release.clusters else { throw ClustersMoved() }
            let last = names.last(of: clusters)
            // The pointer knows the build of the current release only.
            guard pinned == nil else { return try byAllKeys(last, names, of: release) }
            let rows = try session.ask(
                release.transition, [Self.parameter(last.key(last.longest))], doing: "looking up what comes next")
            try check(rows, build: 2, names, of: release)
            if let next = try read(rows, 1, last.longest, names, of: release) { return next }
            return try byAllKeys(last, names, of: release)
        }
    }

    /// What the longest key that is there says.
    private func byAllKeys(
        _ last: LastClusters, _ names: ClusterNames, of release: LoadedRelease
    ) throws -> NextClusters {
        let rows = try session.ask(
            release.transitions, NextClusters.Basis.keyed.dropLast().map { Self.parameter(last.key($0)) },
            doing: "looking up what comes next")
        try check(rows, build: 5, names, of: release)
        for (place, basis) in NextClusters.Basis.keyed.enumerated() {
            if let next = try read(rows, place + 1, basis, names, of: release) { return next }
        }
        var next = NextClusters()
        next.release = release.release.number
        return next
    }

    /// Throws also where the names that are known are of other clusters than those of the row.
    private func check(
        _ rows: BinaryRows, build column: Int, _ names: ClusterNames, of release: LoadedRelease
    ) throws {
        try check(rows, of: release)
        guard rows.int32(0, column).map(Int.init) == names.build else { throw ClustersMoved() }
    }

    private static func parameter(_ key: Int64?) -> [UInt8]? {
        key.map { withUnsafeBytes(of: $0.bigEndian) { Array($0) } }
    }

    /// Throws where there is no row, or where it is of another release than the one to be read.
    private func check(_ rows: BinaryRows, of release: LoadedRelease) throws {
        guard rows.count == 1 else { throw NearlineClientError.nothingPublished }
        if pinned == nil { try session.requireCurrent(rows, release) }
    }

    /// The columns are those of `PreparedStatement.lists`.
    private func read(
        _ rows: BinaryRows, of release: LoadedRelease, count: Int, into list: inout CandidateList
    ) throws {
        try check(rows, of: release)
        let isOverlaid = try rows.withField(0, 1) { overlay in
            guard let overlay else { return false }
            let payload = UnsafeRawBufferPointer(rebasing: overlay[8...])
            try decode(payload, of: release, .overlay, asOf: Self.instant(overlay), count: count, into: &list)
            return true
        }
        if isOverlaid { return }
        let isOwn = try rows.withField(0, 2) { payload in
            guard let payload else { return false }
            try decode(payload, of: release, .own, asOf: release.release.asOf, count: count, into: &list)
            return true
        }
        if isOwn { return }
        try withBytes(of: release.fallback) { payload in
            try decode(payload, of: release, .fallback, asOf: release.release.asOf, count: count, into: &list)
        }
    }

    private func withBytes<T>(of bytes: [UInt8]?, _ body: (UnsafeRawBufferPointer?) throws -> T) rethrows -> T {
        guard let bytes else { return try body(nil) }
        return try bytes.withUnsafeBytes { try body($0) }
    }

    /// PostgreSQL counts microseconds from 2000; its infinities stay at the ends.
    private static func instant(_ bytes: UnsafeRawBufferPointer) -> Instant {
        let since2000 = Int64(bigEndian: bytes.loadUnaligned(as: Int64.self))
        let (sum, isTooLarge) = since2000.addingReportingOverflow(946_684_800_000_000)
        return Instant(microsecondsSince1970: isTooLarge ? .max : sum)
    }

    private func decode(
        _ payload: UnsafeRawBufferPointer?, of release: LoadedRelease, _ origin: ListOrigin, asOf: Instant, count: Int,
        into list: inout CandidateList
    ) throws {
        do throws(ListDecodingError) {
            try release.decoding.decode(
                payload, dictionary: release.dictionary, origin: origin, asOf: asOf, count: count, into: &list)
        } catch {
            throw error.reason(release)
        }
    }

    private func read(
        _ rows: BinaryRows, _ column: Int, _ basis: NextClusters.Basis, _ names: ClusterNames,
        of release: LoadedRelease
    ) throws -> NextClusters? {
        try rows.withField(0, column) { payload in
            guard let payload else { return nil }
            do throws(ListDecodingError) {
                var next = NextClusters()
                try release.decoding.decode(
                    payload, dictionary: release.dictionary, basis: basis, names: names.names, into: &next)
                return next
            } catch {
                throw error.reason(release)
            }
        }
    }
}

extension ListDecodingError {
    fileprivate func reason(_ release: LoadedRelease) -> any Error {
        switch self {
        case .missingDictionary(let id, let error):
            MissingDictionary(id: id, failure: NearlineClientError(error, release: release.release.number))
        case .failed(let error): error
        }
    }
}
