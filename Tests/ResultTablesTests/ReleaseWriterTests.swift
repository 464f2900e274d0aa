import Domain
import Postgres
import ResultCodec
import ResultTables
import TestSupport
import Testing

@Suite struct ReleaseWriterTests {
    private let database: EmptyDatabase
    private let drawn = DrawnRelease()

    init() throws { database = try EmptyDatabase.migrated() }

    private func leaves() throws -> [String] {
        try database.texts(
            """
            SELECT relname::text AS it FROM pg_class WHERE relnamespace = 'nearline'::regnamespace AND relkind = 'r'
                AND relname ~ '_r[0-9]+$' ORDER BY relname COLLATE "C"
            """)
    }

    @Test func aFinishedReleaseIsValidatedWithItsCounts() throws {
        let release = try database.connection.build(
            drawn, clusters: [("tea", 3)], transitions: [(0, [Candidate(row: 0, score: 1, source: .transition)])])
        let row = try ReleaseCatalogue(database.connection).release(release)
        #expect(row.state == "validated" && row.publishedAt == nil)
        #expect(row.users == drawn.lists.count && row.items == drawn.vocabulary.count && row.transitions == 1)
        #expect(row.payloadBytes == (try database.number("SELECT sum(length(payload)) FROM nearline.candidate")))
        #expect(row.asOf == "2025-01-01 00:00:00+00" && row.serveAt == "2025-01-02 00:00:00+00")
        #expect(row.model == "m1" && row.settingsHash == "s" && row.candidatesPerUser == 25)
        #expect(try ReleaseCatalogue(database.connection).newestValidated()?.release == release)
        #expect(try ReleaseCatalogue(database.connection).current() == nil)
    }

    @Test func untilItIsFinishedNoReaderCanSeeARelease() throws {
        let writer = try database.connection.writer(drawn)
        try writer.write(drawn.lists)
        #expect(try database.number("SELECT count(*) FROM nearline.candidate") == 0)
        #expect(try database.state(of: writer.release) == "building")
        try writer.finish(drawn.vocabulary)
        #expect(try database.number("SELECT count(*) FROM nearline.candidate") == drawn.lists.count)
    }

    @Test(arguments: ["candidate", "transition"])
    func rowsThatWereWrittenAndAreNotThereAreFoundOut(_ table: String) throws {
        let writer = try database.connection.writer(drawn)
        try writer.write(drawn.lists)
        try writer.write(
            TransitionBuild(clusters: [], transitions: [(0, [Candidate(row: 0, score: 1, source: .transition)])]))
        let leaf = "nearline.\(table)_r\(writer.release)"
        try database.run("DELETE FROM \(leaf) WHERE ctid = (SELECT min(ctid) FROM \(leaf))")
        let claimed = table == "candidate" ? drawn.lists.count : 1
        let error = thrown(ReleaseError.self) { try writer.finish(drawn.vocabulary) }
        #expect(error == .rowsMissing(table: leaf, claimed: claimed, stored: claimed - 1))
        #expect(try database.state(of: writer.release) == "building")
        #expect(try database.number("SELECT count(*) FROM nearline.candidate") == 0)
        let refused = thrown(ReleaseError.self) { try ReleaseSwitch(database.connection).publish(writer.release) }
        #expect(refused == .notBuilt(release: writer.release, state: "building"))
    }

    @Test func rowsThatNobodyWroteAreFoundOutToo() throws {
        let writer = try database.connection.writer(drawn)
        try writer.write(drawn.lists)
        try database.run("INSERT INTO nearline.candidate_r\(writer.release) VALUES (1, \(writer.release), '')")
        let error = thrown(ReleaseError.self) { try writer.finish(drawn.vocabulary) }
        #expect(
            error
                == .rowsMissing(
                    table: "nearline.candidate_r\(writer.release)", claimed: drawn.lists.count,
                    stored: drawn.lists.count + 1))
    }

    @Test func aUserThatComesTwiceIsRefused() throws {
        let writer = try database.connection.writer(drawn)
        try writer.write(drawn.lists)
        try writer.write(drawn.lists.prefix(1))
        #expect(thrown(PostgresError.self) { try writer.finish(drawn.vocabulary) }?.sqlState == "23505")
        #expect(try database.state(of: writer.release) == "building")
    }

    @Test func aShardWithAListThatCannotBeStoredLeavesNothing() throws {
        let writer = try database.connection.writer(drawn)
        try writer.write(drawn.lists.prefix(3))
        let broken = [Candidate(row: 0, score: .nan, source: .model)]
        #expect(throws: PayloadError.self) {
            try writer.write(drawn.lists.dropFirst(3).prefix(5) + [(key(.bigint, 999), broken)])
        }
        #expect(writer.users == 3)
        #expect(try database.number("SELECT count(*) FROM nearline.candidate_r\(writer.release)") == 3)
    }

    @Test func discardingDropsWhatUnfinishedReleasesLeftAndNothingElse() throws {
        let current = try database.connection.publish(drawn), validated = try database.connection.build(drawn)
        let left = try database.connection.writer(drawn)
        try left.write(drawn.lists)
        try left.writeFallback(drawn.fallback)
        try left.write(TransitionBuild(clusters: [("tea", 3)], transitions: []))
        #expect(
            try ReleasePruner(database.connection).discardUnfinished(reason: "its run was killed") == [left.release])
        let kept = [current, validated]
        let expected = ["candidate", "overlay", "release_item", "transition"].flatMap { table in
            kept.map { "\(table)_r\($0)" }
        }
        #expect(try leaves() == expected)
        #expect(try kept.map { try database.state(of: $0) } == ["current", "validated"])
        #expect(try database.state(of: left.release) == "failed")
        #expect(
            try database.texts("SELECT reason AS it FROM nearline.release WHERE state = 'failed'")
                == ["its run was killed"])
        #expect(try database.number("SELECT count(*) FROM nearline.release_cluster") == 0)
        #expect(try database.number("SELECT count(*) FROM nearline.fallback") == 2)
        #expect(try CandidateLookup(database.connection).list(of: "\(Int64.max)").isOwn)
        #expect(try ReleasePruner(database.connection).discardUnfinished(reason: "again").isEmpty)
    }

    @Test(arguments: [(IDType.int, IDType.bigint), (.bigint, .text), (.uuid, .uuid)])
    func keysOfOtherTypesThanTheResultTablesHoldAreRefusedWithAHint(_ users: IDType, _ items: IDType) throws {
        try database.connection.publish(drawn)
        let error = thrown(PostgresError.self) {
            _ = try database.connection.writer(DrawnRelease(users: users, items: items))
        }
        #expect(error?.sqlState == "42804")
        #expect(error?.message.contains("bigint users and bigint items") == true)
        #expect(error?.message.contains("\(users.rawValue) and \(items.rawValue)") == true)
        #expect(error?.hint?.contains("Cast the keys") == true)
        #expect(try database.number("SELECT count(*) FROM nearline.release") == 1)
    }

    @Test func makingTheResultTablesTwiceDoesNothing() throws {
        try database.run("SELECT nearline.create_result_tables('text', 'uuid')")
        let before = try database.number("SELECT count(*) FROM pg_class WHERE relnamespace = 'nearline'::regnamespace")
        try database.run("SELECT nearline.create_result_tables('text', 'uuid')")
        #expect(
            try database.number("SELECT count(*) FROM pg_class WHERE relnamespace = 'nearline'::regnamespace") == before
        )
    }
}
