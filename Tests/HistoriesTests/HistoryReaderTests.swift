import Domain
import Histories
import Testing

@Suite struct HistoryReaderTests {
    @Test func eachUserBecomesOneHistoryInTheOrderOfKeys() throws {
        let tables = try SourceTables()
        try tables.insert(
            """
            (10, 100, '2024-01-01 10:00Z', 'click'), (9, 100, '2024-01-01 11:00Z', 'cart'),
            (10, 200, '2024-01-01 10:30Z', 'purchase'), (9, 100, '2024-01-03 00:00Z', 'impression'),
            (-3, 200, '2024-01-02 00:00Z', 'click')
            """)
        let pass = try tables.read()
        #expect(pass.users == [.integer(-3), .integer(9), .integer(10)])
        #expect(pass.histories.map(\.rowsBySession) == [[[1]], [[0], [0]], [[0, 1]]])
        #expect(pass.histories[2].actions == [Action.click.rawValue, Action.purchase.rawValue])
        #expect(pass.histories[2].sessions.map(\.startsAt) == [1_704_103_200])
        #expect(pass.events == 5 && pass.refused.total == 0 && pass.unknownItems == 0)
    }

    @Test func theAsOfInstantItselfIsReadAndTheMicrosecondAfterIsNot() throws {
        let tables = try SourceTables()
        try tables.insert(
            """
            (1, 100, '2024-05-01 12:00:00Z', 'click'), (1, 200, '2024-05-01 12:00:00.000001Z', 'click'),
            (2, 200, '2024-05-01 11:59:59.999999Z', 'click'), (3, 100, '2024-06-01Z', 'click')
            """)
        let everything = try tables.vocabulary()
        let pass = try tables.read(asOf: "2024-05-01 12:00:00Z", vocabulary: everything)
        #expect(pass.users == [.integer(1), .integer(2)])
        #expect(pass.histories.map(\.rows) == [[0], [1]])
        #expect(pass.events == 2 && pass.refused.total == 0)
    }

    @Test func whatWasHadSinceAnInstantIsKnownBeyondTheTokenBudget() throws {
        let tables = try SourceTables()
        let times = (0..<30).map { "(1, \(100 + $0), '2024-05-\($0 < 9 ? "0" : "")\($0 + 1) 12:00Z', 'click')" }
        try tables.insert(
            times.joined(separator: ", ") + ", (1, 500, '2024-05-20 12:00Z', 'impression'), "
                + "(2, 100, '2024-05-10 11:59:59.999999Z', 'click'), (2, 101, '2024-05-10 12:00Z', 'cart')")
        let vocabulary = try tables.vocabulary()
        var settings = HistorySettings()
        (settings.tokensPerUser, settings.itemsPerSession) = (8, 4)
        let since = Moment.year2024 + (31 + 29 + 31 + 30 + 9) * 86_400_000_000 + 43_200_000_000
        for (restingSince, wanted) in [
            (nil, [[], []]), (since, [Array(109..<130), [101]]), (Int64.min, [Array(100..<130), [100, 101]]),
        ] {
            var reader = HistoryReader(
                try tables.source(), vocabulary: vocabulary, settings: settings, asOf: "2026-01-01Z",
                now: Moment.year2026)
            var found: [[Int]] = []
            try reader.read(on: tables.connection, restingSince: restingSince) { _, history, resting in
                #expect(history.tokens <= 8 && resting == resting.sorted())
                found.append(
                    resting.map { row in
                        guard case .integer(let id) = vocabulary.items[Int(row)] else { return -1 }
                        return Int(id)
                    }.sorted())
            }
            #expect(found == wanted)
        }
    }

    @Test func textKeysComeInTheOrderOfTheirBytes() throws {
        let tables = try SourceTables(users: "text", items: "text")
        // Under the rules of a language, b would stand before B and é before z.
        try tables.run(#"ALTER TABLE events ALTER user_id TYPE text COLLATE "und-x-icu""#)
        try tables.insert(
            ["b", "B", "é", "z", "a", "Z", "ab"].map { "('\($0)', 'item', '2024-01-01Z', 'click')" }
                .joined(separator: ", "))
        let pass = try tables.read()
        #expect(pass.users == ["B", "Z", "a", "ab", "b", "z", "é"].map { ExternalID.text($0) })
    }

    @Test func keysThatLookAlikeButDifferInBytesStayApart() throws {
        let tables = try SourceTables(users: "text", items: "text")
        try tables.insert(
            #"""
            (U&'\00E9', U&'\00E9', '2024-01-01Z', 'click'), (U&'\00E9', U&'\00E9', '2024-01-02Z', 'click'),
            (U&'e\0301', U&'e\0301', '2024-01-01Z', 'click')
            """#)
        let pass = try tables.read()
        #expect(pass.users.count == 2)
        #expect(pass.histories.map(\.rows) == [[1], [0, 0]])
    }

    @Test func uuidKeysAreReadAndOrdered() throws {
        let tables = try SourceTables(users: "uuid", items: "uuid")
        let low = "00000000-0000-4000-8000-0000000000ff", high = "ffffffff-0000-4000-8000-000000000001"
        try tables.insert(
            "('\(high)', '\(low)', '2024-01-01Z', 'click'), ('\(low)', '\(high)', '2024-01-01Z', 'click')")
        let pass = try tables.read()
        #expect(pass.users.map(\.description) == [low, high])
        #expect(pass.histories.map(\.rows) == [[1], [0]])
    }

    @Test func intAndVarcharKeysAreRead() throws {
        let tables = try SourceTables(users: "int", items: "varchar(20)")
        try tables.insert("(7, 'x', '2024-01-01Z', 'click'), (-2147483648, 'y', '2024-01-01Z', 'click')")
        let pass = try tables.read()
        #expect(pass.users == [.integer(-2_147_483_648), .integer(7)])
        #expect(pass.histories.map(\.rows) == [[1], [0]])
    }

    @Test func eventsOfItemsThatTheVocabularyLacksAreCountedAndLeftOut() throws {
        let tables = try SourceTables()
        try tables.insert(
            """
            (1, 100, '2024-01-01 10:00Z', 'click'), (1, 300, '2024-01-01 10:01Z', 'click'),
            (1, 300, '2024-01-01 10:02Z', 'click'), (2, 300, '2024-01-01Z', 'click')
            """)
        let pass = try tables.read(vocabulary: vocabulary(.bigint, [.integer(100)]))
        #expect(pass.unknownItems == 3 && pass.events == 4 && pass.refused.total == 0)
        #expect(pass.users == [.integer(1), .integer(2)])
        #expect(pass.histories.map(\.rows) == [[0], []])
    }

    @Test func sessionIdsAndScenesAreReadAndEmptyOnesCountAsNone() throws {
        let tables = try SourceTables(more: "scene text, session_id int")
        try tables.insert(
            """
            (1, 100, '2024-01-01 10:00Z', 'click', 'home', 5), (1, 200, '2024-01-09 10:00Z', 'click', 'mail', 5),
            (1, 300, '2024-01-09 11:00Z', 'click', 'mail', NULL), (1, 400, '2024-01-09 11:01Z', 'click', '', NULL),
            (1, 500, '2024-01-09 11:02Z', 'click', NULL, NULL), (1, 600, '2024-01-09 11:03Z', 'click', 'new', NULL)
            """)
        let items = vocabulary(
            .bigint, (1...6).map { .integer($0 * 100) }, scenes: ["", "home", "mail"])
        let found = try tables.read(vocabulary: items).histories[0]
        #expect(found.rowsBySession == [[0, 1], [2], [3, 4, 5]])
        #expect(found.sessions.map(\.scene) == [1, 2, 0])
    }

    @Test func anEmptySessionIdIsNone() throws {
        let tables = try SourceTables(more: "session_id text")
        try tables.insert("(1, 100, '2024-01-01Z', 'click', ''), (1, 200, '2024-01-05Z', 'click', '')")
        #expect(try tables.read().histories[0].sessions.count == 2)
    }

    @Test func theGapOfTheSettingsIsUsed() throws {
        let tables = try SourceTables()
        try tables.insert("(1, 100, '2024-01-01 10:00Z', 'click'), (1, 200, '2024-01-01 10:06Z', 'click')")
        var settings = HistorySettings()
        settings.gapMinutes = 5
        #expect(try tables.read(settings: settings).histories[0].sessions.count == 2)
        settings.gapMinutes = 6
        #expect(try tables.read(settings: settings).histories[0].sessions.count == 1)
    }

    /// The order of rows in a table is an accident: the same events make the same histories.
    @Test(arguments: [false, true], 0..<4 as Range<UInt64>)
    func theOrderOfRowsInTheTableChangesNothing(hasTies: Bool, seed: UInt64) throws {
        var draw = SeededGenerator(seed: seed, stream: 0x0de2)
        var rows: [String] = []
        var second = 0
        for _ in 0..<300 {
            second += hasTies ? draw.below(2) * 700 : 1 + draw.below(1400)
            let session = draw.below(3) == 0 ? "'visit \(draw.below(30))'" : "NULL"
            let label = ["impression", "click", "cart", "purchase"][draw.below(4)]
            rows.append(
                "(\(draw.below(3)), \(draw.below(40)), timestamptz '2024-01-01Z' + \(second) * interval '1 second', "
                    + "'\(label)', \(session), 'scene \(draw.below(3))')")
        }
        var settings = HistorySettings()
        settings.itemsPerSession = 3
        settings.tokensPerUser = 60
        func read(_ rows: [String]) throws -> Pass {
            let tables = try SourceTables(more: "session_id text, scene text")
            try tables.insert(rows.joined(separator: ",\n"))
            return try tables.read(settings: settings)
        }
        let inOrder = try read(rows), shuffled = try read(rows.shuffled(using: &draw))
        #expect(inOrder.users == shuffled.users)
        #expect(inOrder.histories == shuffled.histories)
    }
}
