import Domain
import Postgres
import ResultCodec
import ResultTables
import TestSupport
import Testing

/// Shards of so many users that two threads lay them out.
@Suite struct ShardTests {
    private let database: EmptyDatabase
    private let drawn = DrawnRelease(seed: 5, count: 3000)

    init() throws { database = try EmptyDatabase.migrated() }

    @Test func everyPayloadIsTheOneThatItsListGivesAlone() throws {
        let writer = try database.connection.writer(drawn)
        try writer.write(drawn.lists)
        let stored = try database.connection.execute(
            "SELECT user_id, payload FROM nearline.candidate_r\(writer.release) ORDER BY user_id DESC", doing: "reading"
        )
        #expect(try stored.map { try $0.string("user_id") } == drawn.lists.map(\.user.description))
        var encoder = PayloadEncoder()
        let alone = try drawn.lists.map { try encoder.encode($0.list) }
        #expect(try stored.map { try $0.bytes("payload") } == alone)
        #expect(writer.users == 3000 && writer.payloadBytes == alone.reduce(0) { $0 + $1.count })
    }

    @Test func exposureCountsWhatEitherThreadLaidOut() throws {
        let release = try database.connection.publish(drawn)
        try expectExposure(of: release)
    }

    private func expectExposure(of release: Int) throws {
        var inAll = [Int](repeating: 0, count: drawn.vocabulary.count), inTop = inAll
        for (_, list) in drawn.lists {
            for candidate in list { inAll[Int(candidate.row)] += 1 }
            for candidate in list.prefix(10) { inTop[Int(candidate.row)] += 1 }
        }
        let counted = try database.connection.execute(
            "SELECT lists, lists_top_10 FROM nearline.release_item_r\(release) ORDER BY item_row", doing: "reading")
        #expect(try counted.map { try $0.int("lists") } == inAll)
        #expect(try counted.map { try $0.int("lists_top_10") } == inTop)
    }

    @Test(arguments: 0..<5)
    func ofSeveralBadListsTheFirstIsNamedAndNothingIsStored(_ round: Int) throws {
        let writer = try database.connection.writer(drawn)
        var shard = drawn.lists
        shard[300 + round].list = [Candidate(row: 0, score: .nan, source: .model)]
        for later in stride(from: 520, to: 2900, by: 256) {
            shard[later].list = (0..<2).map { _ in Candidate(row: 7, score: 1, source: .model) }
        }
        #expect(thrown(PayloadError.self) { try writer.write(shard) } == .nonFiniteScore(at: 0))
        #expect(writer.users == 0)
        #expect(try database.number("SELECT count(*) FROM nearline.candidate_r\(writer.release)") == 0)
        #expect(try database.number("SELECT count(*) FROM nearline.release_shard") == 0)
        try writer.write(drawn.lists)
        #expect(writer.users == 3000)
        // What was laid out in vain is not counted as shown.
        try writer.writeFallback(drawn.fallback)
        try writer.write(TransitionBuild(clusters: [], transitions: []))
        try writer.finish(drawn.vocabulary)
        try expectExposure(of: writer.release)
    }

    @Test(arguments: [0, 1, 64, 65, 255, 256, 257, 512, 513])
    func shardsOnBothSidesOfAPieceAreStoredWhole(_ users: Int) throws {
        let writer = try database.connection.writer(drawn)
        try writer.write(drawn.lists.prefix(users))
        #expect(try database.number("SELECT count(*) FROM nearline.candidate_r\(writer.release)") == users)
        #expect(try database.number("SELECT sum(users) FROM nearline.release_shard") == users)
    }
}
