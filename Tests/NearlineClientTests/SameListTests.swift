import Domain
import NearlineClient
import Postgres
import ResultTables
import Snapshots
import TestSupport
import Testing

/// SQL, the client and a snapshot give the same list for the same user.
@Suite struct SameListTests {
    private let database: EmptyDatabase
    private let folder: TemporaryFolder

    init() throws {
        database = try EmptyDatabase.migrated()
        folder = try TemporaryFolder()
    }

    private func writeSnapshot(of release: Int) throws -> String {
        let snapshots = SnapshotFolder(folder.path)
        _ = try SnapshotExport(database.connection).write(release, into: snapshots) { _ in }
        return snapshots.file(of: release)
    }

    /// A snapshot is written before its release is published, and does not know when that was.
    private func expectSame(_ a: CandidateList, _ b: CandidateList, _ note: String = "") {
        #expect(a.publishedAt == nil && b.publishedAt != nil, "\(note)")
        #expect((a.release, a.asOf, a.origin) == (b.release, b.asOf, b.origin), "\(note)")
        #expect(a.items == b.items, "\(note)")
    }

    /// One place as text, scores exact.
    private func places(_ list: CandidateList) -> [String] {
        list.items.map { "\($0.rank) \($0.item) \($0.score) \($0.source)" }
    }

    private func placesInSQL(_ user: ExternalID) throws -> [String] {
        try database.connection.execute(
            "SELECT rank, item_id::text AS item_id, score::text AS score, source FROM nearline.lookup($1)",
            [.text(user.description)], doing: "looking up in SQL"
        ).map { row in
            let score = try #require(Float(try row.string("score")))
            return "\(try row.int("rank")) \(try row.string("item_id")) \(score) \(try row.string("source"))"
        }
    }

    private func key(_ id: ExternalID) -> UserKey {
        switch id {
        case .integer(let value): .integer(value)
        case .uuid(let key): .uuid(high: key.high, low: key.low)
        case .text(let text): .text(text)
        }
    }

    @Test(arguments: IDType.allCases, IDType.allCases)
    func everyWayOfAskingGivesTheSameList(_ users: IDType, _ items: IDType) throws {
        let drawn = DrawnRelease(users: users, items: items, seed: 5)
        let release = try database.publish(drawn)
        let file = try writeSnapshot(of: release)
        let client = try NearlineClient("dbname=\(database.name)")
        let snapshot = try SnapshotReader(path: file)
        try snapshot.verify()
        let current = try client.currentRelease()
        #expect(
            (current.number, current.model, current.asOf, current.serveAt)
                == (snapshot.release.number, snapshot.release.model, snapshot.release.asOf, snapshot.release.serveAt))

        let everybody = drawn.lists.map(\.user) + drawn.strangers
        let batch = try client.candidates(for: everybody.map(key))
        var reused = CandidateList()
        for (place, user) in everybody.enumerated() {
            let list = try client.candidates(for: key(user))
            #expect(list.origin == (place < drawn.lists.count ? .own : .fallback) && list.release == release)
            #expect(try places(list) == placesInSQL(user), "\(user)")
            #expect(batch[place] == list, "\(user)")
            expectSame(try snapshot.candidates(for: key(user)), list, "\(user)")
            try snapshot.candidates(for: key(user), into: &reused)
            expectSame(reused, list, "\(user)")
            #expect(try snapshot.candidates(for: key(user), count: 3).items == Array(list.items.prefix(3)))
            #expect(try client.candidates(for: key(user), count: 3).items == Array(list.items.prefix(3)))
        }
    }

    @Test func everyWayOfAskingGivesTheSameNextClusters() throws {
        let drawn = DrawnRelease()
        let release = try database.publish(drawn)
        let file = try writeSnapshot(of: release)
        let client = try NearlineClient("dbname=\(database.name)")
        let snapshot = try SnapshotReader(path: file)
        let names: [String?] = drawn.clusters + ["never heard of", nil]
        var reused = NextClusters()
        for older in names {
            for latest in names {
                let next = try client.nextClusters(older: older, latest: latest)
                #expect(try snapshot.nextClusters(older: older, latest: latest) == next)
                try snapshot.nextClusters(after: [older, latest].compactMap(\.self), into: &reused)
                #expect(reused == next)
                #expect(try client.withPinnedRelease { try $0.nextClusters(older: older, latest: latest) } == next)
                let rows = try database.connection.execute(
                    """
                    SELECT rank, cluster, probability::text AS probability, key_used FROM nearline.next_clusters($1, $2)
                    """,
                    [Parameter(older), Parameter(latest)], doing: "asking in SQL")
                #expect(
                    try rows.map { "\(try $0.int("rank")) \(try $0.string("cluster")) \(try $0.string("probability"))" }
                        == next.places.map { place in
                            let probability = place.probability == 1 ? "1" : "\(place.probability)"
                            return "\(place.rank) \(place.cluster) \(probability)"
                        })
                #expect(try rows.first?.string("key_used") == next.basis.rawValue)
            }
        }
        #expect(try client.nextClusters(older: "tea", latest: "cups").basis == .pair)
    }

    @Test func withoutAFallbackOrTransitionsAnswersAreEmpty() throws {
        var drawn = DrawnRelease()
        drawn.transitions = []
        let release = try database.publish(drawn)
        try database.run("DELETE FROM nearline.fallback")
        let file = try writeSnapshot(of: release)
        let client = try NearlineClient("dbname=\(database.name)")
        let snapshot = try SnapshotReader(path: file)
        let nobody = try client.candidates(for: 12)
        #expect(nobody.items.isEmpty && nobody.origin == .fallback)
        expectSame(try snapshot.candidates(for: 12), nobody)
        let next = try client.nextClusters(latest: "tea")
        #expect(next.basis == .nothing && next.places.isEmpty)
        #expect(try snapshot.nextClusters(latest: "tea") == next)
    }

    @Test func aReaderSaysWhenAnotherFileIsCurrent() throws {
        let drawn = DrawnRelease()
        let snapshots = SnapshotFolder(folder.path)
        #expect(thrown(NearlineClientError.self) { _ = try SnapshotReader(folder: folder.path) } == .nothingPublished)
        for release in [try database.publish(drawn), try database.publish(drawn)] {
            _ = try writeSnapshot(of: release)
        }
        try snapshots.follow(1)
        let reader = try SnapshotReader(folder: folder.path)
        #expect(reader.release.number == 1 && reader.isCurrent)
        try snapshots.follow(2)
        #expect(!reader.isCurrent)
        #expect(try SnapshotReader(folder: folder.path).release.number == 2)
        #expect(try reader.candidates(for: key(drawn.lists[0].user)).release == 1)
    }

    @Test func aDamagedSnapshotSaysSoAndAKeyOfAnotherTypeToo() throws {
        let drawn = DrawnRelease()
        let file = try writeSnapshot(of: try database.publish(drawn))
        let reader = try SnapshotReader(path: file)
        let wrong = thrown(NearlineClientError.self) { _ = try reader.candidates(for: "x") }
        #expect(wrong == .wrongKeyType(expected: .bigint))
        let missing = thrown(NearlineClientError.self) { _ = try SnapshotReader(path: folder.file("b")) }
        guard case .noSnapshot(folder.file("b"), _)? = missing else {
            Issue.record("\(String(describing: missing))")
            return
        }
        let damaged = thrown(NearlineClientError.self) { _ = try SnapshotReader(path: "/etc/hostname") }
        guard case .damagedSnapshot("/etc/hostname", _)? = damaged else {
            Issue.record("\(String(describing: damaged))")
            return
        }
    }
}
