import Domain
import Histories
import Testing

@Suite struct ExclusionReaderTests {
    private let tables: SourceTables
    private let known = vocabulary(.bigint, (1...5).map { .integer($0) })

    init() throws { tables = try SourceTables() }

    private func reader(items: String? = nil, exclusions: String? = nil) throws -> ExclusionReader {
        ExclusionReader(try tables.source(items: items, exclusions: exclusions), vocabulary: known)
    }

    @Test func withoutRelationsNothingIsExcluded() throws {
        let reader = try reader()
        #expect(try reader.forEverybody(on: tables.connection).isEmpty)
        #expect(try reader.forUsers([.integer(1), .integer(2)], on: tables.connection) == [[], []])
    }

    @Test func unavailableItemsAndExclusionsWithoutAUserAreForEverybody() throws {
        try tables.run(
            """
            CREATE TABLE items (item_id bigint, available boolean);
            INSERT INTO items VALUES (1, true), (2, false), (3, NULL), (99, false), (NULL, false);
            CREATE TABLE banned (item_id bigint, user_id bigint, reason text);
            INSERT INTO banned VALUES (4, NULL, 'recalled'), (2, NULL, 'twice'), (5, 7, 'returned'), (98, NULL, ''),
                (NULL, NULL, '')
            """)
        let reader = try reader(items: "items", exclusions: "banned")
        // Rows count from 0, items from 1.
        #expect(try reader.forEverybody(on: tables.connection) == [1, 3])
    }

    @Test func anExclusionsRelationWithoutUsersIsForEverybody() throws {
        try tables.run("CREATE TABLE banned (item_id bigint); INSERT INTO banned VALUES (4), (1)")
        let reader = try reader(exclusions: "banned")
        #expect(try reader.forEverybody(on: tables.connection) == [0, 3])
        #expect(try reader.forUsers([.integer(4)], on: tables.connection) == [[]])
    }

    @Test func anItemsRelationWithoutAvailabilityExcludesNothing() throws {
        try tables.run("CREATE TABLE items (item_id bigint); INSERT INTO items VALUES (1)")
        #expect(try reader(items: "items").forEverybody(on: tables.connection).isEmpty)
    }

    @Test func exclusionsOfSingleUsersComeInTheOrderOfTheUsersAskedFor() throws {
        try tables.run(
            """
            CREATE TABLE banned (item_id bigint, user_id bigint);
            INSERT INTO banned VALUES (1, 7), (3, 7), (2, 8), (5, 9), (99, 7), (NULL, 8), (4, NULL)
            """)
        let reader = try reader(exclusions: "banned")
        let found = try reader.forUsers([.integer(8), .integer(1), .integer(7)], on: tables.connection)
        #expect(found.map { $0.sorted() } == [[1], [], [0, 2]])
        #expect(try reader.forUsers([], on: tables.connection).isEmpty)
    }

    /// An exclusion that is silently not applied shows people what they must not see.
    @Test func exclusionsWithKeysOfAnotherIntegerTypeStillExclude() throws {
        try tables.run(
            """
            CREATE TABLE banned (item_id int, user_id int);
            INSERT INTO banned VALUES (4, NULL), (1, 7);
            CREATE TABLE items (item_id int, available boolean);
            INSERT INTO items VALUES (3, false)
            """)
        let reader = try reader(items: "items", exclusions: "banned")
        #expect(try reader.forEverybody(on: tables.connection) == [2, 3])
        #expect(try reader.forUsers([.integer(7)], on: tables.connection) == [[0]])
    }

    @Test func textKeysThatNeedQuotingAreTakenAsTheyAre() throws {
        let odd = #"it's a "key" \ with {braces}, commas"#
        let tables = try SourceTables(users: "text", items: "text")
        try tables.run("CREATE TABLE banned (item_id text, user_id text)")
        try tables.connection.execute(
            "INSERT INTO banned VALUES ($1, $2)", [.text("item"), .text(odd)], doing: "preparing a test")
        let reader = ExclusionReader(
            try tables.source(exclusions: "banned"), vocabulary: vocabulary(.text, [.text("item")]))
        #expect(try reader.forUsers([.text("other"), .text(odd)], on: tables.connection) == [[], [0]])
    }

    @Test func usersThatLookAlikeButDifferInBytesKeepTheirOwnExclusions() throws {
        let tables = try SourceTables(users: "text")
        try tables.run(#"CREATE TABLE banned (item_id bigint, user_id text)"#)
        try tables.run(#"INSERT INTO banned VALUES (1, U&'\00E9'), (2, U&'e\0301')"#)
        let reader = ExclusionReader(try tables.source(exclusions: "banned"), vocabulary: known)
        let found = try reader.forUsers([.text("\u{e9}"), .text("e\u{301}")], on: tables.connection)
        #expect(found == [[0], [1]])
    }
}
