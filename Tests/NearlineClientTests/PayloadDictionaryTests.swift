import Domain
import NearlineClient
import Postgres
import ResultCodec
import ResultTables
import Snapshots
import TestSupport
import Testing

/// Lists that were compressed with a dictionary are read with that one, wherever it is stated.
@Suite struct PayloadDictionaryTests {
    private let database: EmptyDatabase
    private let folder: TemporaryFolder
    private let drawn = DrawnRelease()
    private let release: Int
    private let dictionary = PayloadDictionary((0..<2000).map { UInt8(truncatingIfNeeded: $0 * 7) })
    private let user: ExternalID

    init() throws {
        database = try EmptyDatabase.migrated()
        folder = try TemporaryFolder()
        release = try database.publish(drawn)
        user = drawn.lists[24].user
        try store(drawn.lists[24].list, in: "candidate")
    }

    private var key: UserKey {
        guard case .integer(let value) = user else { fatalError("users are bigint here") }
        return .integer(value)
    }

    private func store(_ list: [Candidate], in table: String) throws {
        let payload = try PayloadEncoder.encode(list, codec: .sharedPlanes, dictionary: dictionary)
        try database.connection.execute(
            "UPDATE nearline.\(table)_r\(release) SET payload = $1 WHERE user_id = $2",
            [.bytes(payload), .text(user.description)], doing: "compressing a list")
    }

    private func addDictionary() throws {
        try database.connection.execute(
            "INSERT INTO nearline.payload_dictionary (dictionary, bytes) VALUES ($1::bigint, $2)",
            [.int(Int64(dictionary.id)), .bytes(dictionary.bytes)], doing: "storing a dictionary")
    }

    private func expectOwn(_ list: CandidateList) {
        #expect(list.origin == .own)
        #expect(list.items.map(\.item) == drawn.lists[24].list.map { .integer(Int64.max - Int64($0.row)) })
    }

    @Test func theDictionaryOfTheReleaseIsLoadedWithIt() throws {
        try addDictionary()
        try database.run("UPDATE nearline.release SET dictionary = \(dictionary.id)")
        let client = try NearlineClient("dbname=\(database.name)")
        expectOwn(try client.candidates(for: key))
        try database.run("UPDATE nearline.release SET dictionary = NULL; DELETE FROM nearline.payload_dictionary")
        expectOwn(try client.candidates(for: [1, key])[1])
    }

    @Test func anotherDictionaryIsFetchedWhenAPayloadAsksForIt() throws {
        try addDictionary()
        expectOwn(try NearlineClient("dbname=\(database.name)").candidates(for: key))
        expectOwn(try NearlineClient("dbname=\(database.name)").candidates(for: [1, key])[1])
        try database.update(user, drawn, drawn.fallback, asOf: "2025-03-01Z")
        try store(drawn.fallback, in: "overlay")
        #expect(try NearlineClient("dbname=\(database.name)").candidates(for: key).origin == .overlay)
    }

    @Test func aDictionaryThatIsNowhereIsAnError() throws {
        let client = try NearlineClient("dbname=\(database.name)")
        guard
            case .damagedPayload(release, let reason)? = thrown(
                NearlineClientError.self, { _ = try client.candidates(for: key) })
        else {
            Issue.record("there is no such dictionary")
            return
        }
        #expect(reason.contains("\(dictionary.id)"))
        #expect(try client.candidates(for: 1).origin == .fallback)
    }

    @Test func aSnapshotCarriesItsDictionary() throws {
        let snapshots = SnapshotFolder(folder.path)
        func write() throws -> SnapshotReader {
            _ = try SnapshotExport(database.connection).write(release, into: snapshots) { _ in }
            return try SnapshotReader(path: snapshots.file(of: release))
        }
        guard
            case .damagedPayload(release, _)? = thrown(
                NearlineClientError.self, { _ = try write().candidates(for: key) })
        else {
            Issue.record("there is no such dictionary")
            return
        }
        try addDictionary()
        try database.run("UPDATE nearline.release SET dictionary = \(dictionary.id)")
        expectOwn(try write().candidates(for: key))
    }
}
