import Domain
import Histories
import Postgres
import TestSupport
import Testing

@Suite struct EventSourceTests {
    private let database: TestDatabase

    init() throws { database = try TestDatabase() }

    private func run(_ sql: String) throws { try database.connection.script(sql, doing: "preparing a test") }

    private func source(
        _ events: String, items: String? = nil, exclusions: String? = nil
    ) throws -> EventSource {
        try EventSource(SourceNames(events: events, items: items, exclusions: exclusions), on: database.connection)
    }

    private static let columns = "user_id bigint, item_id text, occurred_at timestamptz, action text"

    @Test func aPlainTableIsUnderstood() throws {
        try run("CREATE TABLE e (\(Self.columns))")
        let found = try source("e")
        #expect(found.userType == .bigint && found.itemType == .text)
        #expect(!found.hasSession && !found.hasScene)
        #expect(found.itemColumns.isEmpty && found.exclusionColumns.isEmpty)
    }

    @Test func aViewWithEverythingIsUnderstood() throws {
        try run(
            #"""
            CREATE TYPE deed AS ENUM ('click', 'buy');
            CREATE TABLE raw (who uuid, what int, at timestamptz, did deed, visit bigint, place varchar(9));
            CREATE VIEW "Odd name, ""quoted""" AS SELECT who AS user_id, what AS item_id, at AS occurred_at,
                did AS action, visit AS session_id, place AS scene FROM raw;
            INSERT INTO raw VALUES ('00000000-0000-4000-8000-0000000000ff', 5, '2024-01-01Z', 'buy', 9, 'home');
            CREATE TABLE things (item_id int, category text, title text);
            CREATE TABLE banned (item_id int, user_id uuid)
            """#)
        let found = try source(#""Odd name, ""quoted""""#, items: "things", exclusions: "banned")
        #expect(found.userType == .uuid && found.itemType == .int && found.hasSession && found.hasScene)
        #expect(found.itemColumns == ["item_id", "category", "title"])
        #expect(found.exclusionColumns == ["item_id", "user_id"])
        let vocabulary = try VocabularyReader(found, asOf: "2025-01-01Z").read(on: database.connection)
        var reader = HistoryReader(
            found, vocabulary: vocabulary, settings: HistorySettings(), asOf: "2025-01-01Z", now: Moment.year2026)
        var actions: [[UInt8]] = []
        try reader.read(on: database.connection) { _, history in actions.append(history.actions) }
        #expect(actions == [[Action.purchase.rawValue]])
    }

    @Test func aNameWithItsSchemaIsFoundOutsideTheSearchPath() throws {
        try run("CREATE TABLE e (\(Self.columns)); SET search_path = pg_catalog")
        #expect(throws: Never.self) { try source("\(database.schema).e") }
        #expect(sourceError { _ = try source("e") } == .missingRelation(role: "events", name: "e"))
    }

    @Test func namesWithoutQuotesFoldAndThoseWithQuotesDoNot() throws {
        try run(#"CREATE TABLE "Events" (\#(Self.columns))"#)
        #expect(throws: Never.self) { try source(#""Events""#) }
        #expect(sourceError { _ = try source("Events") } == .missingRelation(role: "events", name: "Events"))
    }

    @Test func aMissingRelationIsNamedWithItsRole() throws {
        try run("CREATE TABLE e (\(Self.columns))")
        #expect(sourceError { _ = try source("nowhere.e") } == .missingRelation(role: "events", name: "nowhere.e"))
        #expect(sourceError { _ = try source("e", items: "i") } == .missingRelation(role: "items", name: "i"))
        #expect(sourceError { _ = try source("e", exclusions: "x") } == .missingRelation(role: "exclusions", name: "x"))
    }

    @Test(arguments: ["", "a.b.c", "e; DROP TABLE e", "1e", #""unclosed"#])
    func aNameThatIsNoneIsRefusedBeforeItIsSent(_ name: String) throws {
        #expect(sourceError { _ = try source(name) } == .badName(name))
    }

    @Test func missingColumnsAreAllNamedTogetherWithThoseThatAreThere() throws {
        try run("CREATE TABLE e (user_id bigint, at timestamptz, item_id bigint)")
        #expect(
            sourceError { _ = try source("e") }
                == .missingColumns(
                    relation: "e", missing: ["occurred_at", "action"], found: ["at", "item_id", "user_id"]))
    }

    @Test func aDroppedColumnIsMissing() throws {
        try run("CREATE TABLE e (\(Self.columns)); ALTER TABLE e DROP action")
        #expect(
            sourceError { _ = try source("e") }
                == .missingColumns(relation: "e", missing: ["action"], found: ["item_id", "occurred_at", "user_id"]))
    }

    @Test func anItemsOrExclusionsRelationWithoutItemIdIsRefused() throws {
        try run("CREATE TABLE e (\(Self.columns)); CREATE TABLE i (id bigint)")
        let expected = SourceError.missingColumns(relation: "i", missing: ["item_id"], found: ["id"])
        #expect(sourceError { _ = try source("e", items: "i") } == expected)
        #expect(sourceError { _ = try source("e", exclusions: "i") } == expected)
    }

    @Test(arguments: ["numeric", "smallint", "double precision", "bytea"])
    func aKeyOfATypeThatResultsCannotCarryIsRefused(_ type: String) throws {
        try run("CREATE TABLE e (user_id \(type), item_id bigint, occurred_at timestamptz, action text)")
        let error = sourceError { _ = try source("e") }
        #expect(
            error
                == .unusableType(relation: "e", column: "user_id", type: type, wanted: "bigint, integer, uuid or text"))
    }

    @Test func aTimestampWithoutZoneIsRefused() throws {
        try run("CREATE TABLE e (user_id bigint, item_id bigint, occurred_at timestamp, action text)")
        let error = sourceError { _ = try source("e") }
        #expect(
            error
                == .unusableType(
                    relation: "e", column: "occurred_at", type: "timestamp without time zone", wanted: "timestamptz"))
        #expect("\(try #require(error))".contains("cast it in a view"))
    }

    /// Either would be read as nothing at all, or fail in the words of a join that nobody wrote.
    @Test func itemsAndExclusionsWithKeysOfAnotherKindAreRefused() throws {
        try run(
            """
            CREATE TABLE e (\(Self.columns)); CREATE TABLE i (item_id bigint);
            CREATE TABLE x (item_id text, user_id uuid)
            """)
        #expect(sourceError { _ = try source("e", items: "i") } != nil)
        #expect(sourceError { _ = try source("e", exclusions: "i") } != nil)
        #expect(sourceError { _ = try source("e", exclusions: "x") } != nil)
    }

    @Test func theFingerprintMovesWithEventsUpToTheInstantOnly() throws {
        try run("CREATE TABLE e (\(Self.columns)); CREATE TABLE x (item_id text)")
        let source = try source("e", exclusions: "x")
        func fingerprint() throws -> String {
            try source.fingerprint(asOf: "2024-01-01Z", withExclusions: true, on: database.connection)
        }
        let empty = try fingerprint()
        try run("INSERT INTO e VALUES (1, 'a', '2024-01-01 00:00:00.000001Z', 'click')")
        #expect(try fingerprint() == empty)
        try run("INSERT INTO e VALUES (1, 'a', '2024-01-01Z', 'click')")
        let one = try fingerprint()
        #expect(one != empty)
        try run("INSERT INTO x VALUES ('a')")
        #expect(try fingerprint() != one)
    }

    @Test func theNewestEventIsNeverInTheFuture() throws {
        try run("CREATE TABLE e (\(Self.columns))")
        let source = try source("e")
        #expect(try source.newestEvent(on: database.connection) == nil)
        try run(
            """
            INSERT INTO e VALUES (1, 'a', '2024-01-01 01:02:03.000004+01', 'click'), (1, 'a', NULL, 'click'),
                (1, 'a', now() + interval '1 day', 'click'), (1, 'a', 'infinity', 'click')
            """)
        #expect(try source.newestEvent(on: database.connection) == "2024-01-01T00:02:03.000004Z")
    }

    @Test func titlesAndRecentEventsAreReadByTheTextOfAKey() throws {
        try run(
            """
            CREATE TABLE e (\(Self.columns)); CREATE TABLE i (item_id text, title text);
            INSERT INTO e VALUES (1, 'a''b', '2024-01-01 10:00Z', 'click'), (1, 'c', '2024-01-02 10:00Z', 'buy'),
                (2, 'c', '2024-01-03Z', 'click');
            INSERT INTO i VALUES ('a''b', 'A'), ('c', NULL), ('d', 'D')
            """)
        let source = try source("e", items: "i")
        #expect(try source.titles(of: ["a'b", "c", "nobody"], on: database.connection) == ["a'b": "A"])
        let recent = try source.recent(of: "1", count: 2, on: database.connection)
        #expect(recent.map(\.item) == ["c", "a'b"] && recent.map(\.time) == ["2024-01-02 10:00", "2024-01-01 10:00"])
        #expect(try source.recent(of: "1", count: 1, on: database.connection).count == 1)
    }
}
