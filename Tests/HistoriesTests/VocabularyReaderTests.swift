import Domain
import Histories
import Postgres
import Testing

@Suite struct VocabularyReaderTests {
    @Test func itemsComeByWantingEventsThenByImpressionsThenByKey() throws {
        let tables = try SourceTables()
        try tables.insert(
            """
            (1, 30, '2024-01-01Z', 'click'), (1, 30, '2024-01-01Z', 'impression'),
            (1, 20, '2024-01-01Z', 'click'), (1, 9, '2024-01-01Z', 'buy'),
            (1, 40, '2024-01-01Z', 'click'), (2, 40, '2024-01-01Z', 'cart'),
            (1, 50, '2024-01-01Z', 'show'), (2, 50, '2024-01-01Z', 'EXPOSURE'), (3, 50, '2024-01-01Z', 'impression')
            """)
        let found = try tables.vocabulary()
        #expect(found.items == [40, 30, 9, 20, 50].map { ExternalID.integer($0) })
        #expect(found.itemType == .bigint)
        #expect(found.row(of: .integer(9)) == 2 && found.row(of: .integer(10)) == nil)
    }

    @Test func tiesOfTextKeysGoByTheirBytes() throws {
        let tables = try SourceTables(items: "text")
        try tables.run(#"ALTER TABLE events ALTER item_id TYPE text COLLATE "und-x-icu""#)
        try tables.insert(
            ["b", "B", "é", "z", "a"].map { "(1, '\($0)', '2024-01-01Z', 'click')" }.joined(separator: ", "))
        #expect(try tables.vocabulary().items == ["B", "a", "b", "z", "é"].map { ExternalID.text($0) })
    }

    @Test func onlyEventsUpToTheInstantCount() throws {
        let tables = try SourceTables()
        try tables.insert(
            """
            (1, 1, '2024-01-01 00:00:00Z', 'click'), (1, 2, '2024-01-01 00:00:00.000001Z', 'click'),
            (1, 3, '1990-01-01Z', 'click'), (1, 4, '1989-12-31 23:59:59.999999Z', 'click'), (1, 5, '-infinity', 'click')
            """)
        #expect(try tables.vocabulary(asOf: "2024-01-01Z").items == [.integer(1), .integer(3)])
    }

    @Test func rowsThatHistoriesRefuseMakeNoItemAndNoPopularity() throws {
        let tables = try SourceTables()
        try tables.insert(
            """
            (1, 1, '2024-01-01Z', 'click'), (1, 2, '2024-01-01Z', 'bought'), (1, 3, '2024-01-01Z', NULL),
            (NULL, 4, '2024-01-01Z', 'click'), (1, NULL, '2024-01-01Z', 'click'), (1, 5, NULL, 'click'),
            (1, 6, '2024-01-01Z', 'click'), (2, 6, '2024-01-01Z', 'click'), (3, 1, '2024-01-01Z', 'x'),
            (4, 1, '2024-01-01Z', 'x')
            """)
        #expect(try tables.vocabulary().items == [.integer(6), .integer(1)])
    }

    @Test func sideInformationComesFromTheItemsRelation() throws {
        let tables = try SourceTables()
        try tables.insert((1...4).map { "(1, \($0), '2024-01-01Z', 'click')" }.joined(separator: ", "))
        try tables.run(
            """
            CREATE TABLE items (item_id bigint, category text, seller int);
            INSERT INTO items VALUES (1, 'tea', 7), (2, 'cups', 7), (3, '', NULL), (9, 'unseen', 8)
            """)
        let found = try tables.vocabulary(items: "items")
        #expect(found.items == (1...4).map { .integer($0) })
        #expect(found.categories == ["", "tea", "cups"] && found.category == [1, 2, 0, 0])
        #expect(found.sellers == ["", "7"] && found.seller == [1, 1, 0, 0])
    }

    @Test func anItemThatStandsTwiceInTheItemsRelationIsOneItemWithItsFirstCategory() throws {
        for order in ["('b'), ('a'), (NULL)", "(NULL), ('a'), ('b')"] {
            let tables = try SourceTables()
            try tables.insert("(1, 1, '2024-01-01Z', 'click'), (2, 1, '2024-01-01Z', 'click')")
            try tables.run(
                """
                CREATE TABLE items (item_id bigint, category text);
                INSERT INTO items SELECT 1, c FROM (VALUES \(order)) v (c)
                """)
            let found = try tables.vocabulary(items: "items")
            #expect(found.items == [.integer(1)])
            #expect(found.categories == ["", "a"] && found.category == [1])
        }
    }

    @Test func anItemsRelationWithoutSideInformationSaysNothing() throws {
        let tables = try SourceTables()
        try tables.insert("(1, 1, '2024-01-01Z', 'click')")
        try tables.run("CREATE TABLE items (item_id bigint, title text)")
        let found = try tables.vocabulary(items: "items")
        #expect(found.categories == [""] && found.sellers == [""] && found.category == [0] && found.seller == [0])
    }

    @Test func scenesComeByTheirNumberOfEventsAndNoneGivenStandsFirst() throws {
        let tables = try SourceTables(more: "scene text")
        try tables.insert(
            """
            (1, 1, '2024-01-01Z', 'click', 'mail'), (1, 1, '2024-01-01Z', 'click', 'home'),
            (1, 1, '2024-01-01Z', 'click', 'home'), (1, 1, '2024-01-01Z', 'click', ''),
            (1, 1, '2024-01-01Z', 'click', NULL), (1, 1, '2027-01-01Z', 'click', 'later')
            """)
        let found = try tables.vocabulary()
        #expect(found.scenes == ["", "home", "mail"])
        #expect(found.scene("mail") == 2 && found.scene("later") == 0 && found.scene(nil) == 0 && found.scene("") == 0)
    }

    @Test func withoutASceneColumnThereIsOneScene() throws {
        let tables = try SourceTables()
        try tables.insert("(1, 1, '2024-01-01Z', 'click')")
        #expect(try tables.vocabulary().scenes == [""])
    }

    @Test func noEventUpToTheInstantIsAnErrorThatNamesBoth() throws {
        let tables = try SourceTables()
        try tables.insert("(1, 1, '2024-01-02Z', 'click')")
        let error = sourceError { _ = try tables.vocabulary(asOf: "2024-01-01Z") }
        #expect(error == .noEvents(relation: "events", asOf: "2024-01-01Z"))
    }

    @Test(arguments: [
        ("int", IDType.int, "7"), ("uuid", .uuid, "00000000-0000-4000-8000-0000000000ff"), ("text", .text, "x'y"),
    ])
    func everyKeyTypeIsRead(_ type: String, _ expected: IDType, _ key: String) throws {
        let tables = try SourceTables(items: type)
        try tables.insert("(1, \(Quote.literal(key)), '2024-01-01Z', 'click')")
        let found = try tables.vocabulary()
        #expect(found.itemType == expected)
        #expect(found.items.map(\.description) == [key])
    }
}
