import Domain
import Histories
import Testing

/// The cut is the end of 2023: histories before it, targets after it.
@Suite struct HeldOutReaderTests {
    private struct Found {
        var users: [ExternalID] = []
        var histories: [TokenHistory] = []
        var next: [NextSession] = []
    }

    private func read(
        _ rows: String, items: [Int64] = [1, 2, 3, 4], more: String? = nil, itemsPerSession: Int = 64
    ) throws -> Found {
        let tables = try SourceTables(more: more)
        try tables.insert(rows)
        var settings = HistorySettings()
        settings.itemsPerSession = itemsPerSession
        let known = vocabulary(.bigint, items.map { .integer($0) }, scenes: ["", "home"])
        var reader = HeldOutReader(
            try tables.source(), vocabulary: known, settings: settings, cut: Moment.year2024, now: Moment.year2026)
        var found = Found()
        try reader.read(on: tables.connection) { user, history, next in
            found.users.append(user)
            found.histories.append(history)
            found.next.append(next)
        }
        return found
    }

    @Test func theFirstSessionThatBeginsAfterTheCutIsTheTarget() throws {
        let found = try read(
            """
            (1, 1, '2023-12-01Z', 'click'), (1, 2, '2023-12-31 12:00Z', 'purchase'),
            (1, 3, '2024-01-05 10:00Z', 'click'), (1, 4, '2024-01-05 10:10Z', 'cart'), (1, 1, '2024-02-01Z', 'click')
            """)
        #expect(found.histories.map(\.rowsBySession) == [[[0], [1]]])
        #expect(found.next.map(\.items) == [[2, 3]])
        #expect(found.next.map(\.startsAt) == [1_704_448_800])
    }

    @Test func theCutItselfBelongsToTheHistory() throws {
        let found = try read(
            """
            (1, 1, '2024-01-01 00:00:00Z', 'click'), (1, 2, '2024-01-01 00:30:00Z', 'click'),
            (1, 3, '2024-01-02Z', 'click')
            """)
        #expect(found.histories.map(\.rows) == [[0]])
        #expect(found.next.map(\.items) == [[2]])
    }

    @Test func aSessionUnderWayAtTheCutIsNobodysTarget() throws {
        let found = try read(
            """
            (1, 1, '2023-12-31 23:50Z', 'click'), (1, 2, '2024-01-01 00:10Z', 'click'),
            (1, 3, '2024-01-01 00:35Z', 'click'), (1, 4, '2024-01-01 01:06Z', 'click')
            """)
        #expect(found.histories.map(\.rows) == [[0]])
        #expect(found.next.map(\.items) == [[3]])
    }

    @Test func aVisitWithAnIdUnderWayAtTheCutIsNobodysTargetHoweverLongItLasts() throws {
        let found = try read(
            """
            (1, 1, '2023-12-31Z', 'click', 'a'), (1, 2, '2024-03-01Z', 'click', 'a'), (1, 3, '2024-04-01Z', 'click', 'b')
            """, more: "session_id text")
        #expect(found.next.map(\.items) == [[2]])
    }

    @Test func aSessionThatBeginsAMicrosecondAfterTheCutIsATarget() throws {
        let found = try read(
            """
            (1, 1, '2023-12-01Z', 'click'), (1, 2, '2024-01-01 00:00:00.000001Z', 'click'), (1, 3, '2024-01-02Z', 'click')
            """)
        #expect(found.next.map(\.items) == [[1]])
    }

    @Test func impressionsAreNoTargetsAndASessionOfNothingElseIsPassedOver() throws {
        let found = try read(
            """
            (1, 1, '2023-12-01Z', 'click'), (1, 2, '2024-01-02Z', 'impression'),
            (1, 2, '2024-01-03 10:00Z', 'impression'), (1, 3, '2024-01-03 10:01Z', 'click'),
            (1, 4, '2024-01-03 10:02Z', 'impression'), (1, 4, '2024-01-03 10:03Z', 'purchase')
            """)
        #expect(found.next.map(\.items) == [[3, 2]] || found.next.map(\.items) == [[2, 3]])
        #expect(found.next.map(\.startsAt) == [1_704_276_000])
    }

    @Test func itemsThatTheVocabularyLacksStandInTheTargetPastItsEnd() throws {
        let found = try read(
            """
            (1, 1, '2023-12-01Z', 'click'), (1, 70, '2023-12-01Z', 'click'), (1, 80, '2024-01-02 10:00Z', 'click'),
            (1, 2, '2024-01-02 10:01Z', 'click'), (1, 70, '2024-01-02 10:02Z', 'click'),
            (1, 80, '2024-01-02 10:03Z', 'buy'), (2, 1, '2023-12-01Z', 'click'), (2, 90, '2024-01-02Z', 'click')
            """)
        #expect(found.histories.map(\.rows) == [[0], [0]])
        let target = found.next[0].items
        #expect(target.count == 3 && Set(target).count == 3 && target.contains(1))
        #expect(target.filter { $0 >= 4 }.count == 2)
        #expect(found.next[1].items.count == 1 && found.next[1].items[0] >= 4)
    }

    @Test func usersWithoutAHistoryOrWithoutATargetAreLeftOut() throws {
        let found = try read(
            """
            (1, 1, '2023-12-01Z', 'click'), (2, 1, '2024-01-02Z', 'click'), (3, 9, '2023-12-01Z', 'click'),
            (3, 1, '2024-01-02Z', 'click'), (4, 1, '2023-12-01Z', 'click'), (4, 2, '2024-01-02Z', 'impression'),
            (5, 1, '2023-12-01Z', 'click'), (5, 2, '2024-01-02Z', 'click')
            """)
        #expect(found.users == [.integer(5)])
    }

    @Test func targetsAreWholeWhereHistoriesAreCut() throws {
        let target = (1...4).map { "(1, \($0), '2024-01-02 10:0\($0)Z', 'click')" }.joined(separator: ", ")
        let history = (1...4).map { "(1, \($0), '2023-12-02 10:0\($0)Z', 'click')" }.joined(separator: ", ")
        let found = try read(history + ", " + target, itemsPerSession: 2)
        #expect(found.histories.map(\.rows) == [[0, 1]])
        #expect(found.next.map(\.items) == [[0, 1, 2, 3]])
    }

    @Test func theTargetKeepsItsScene() throws {
        let found = try read(
            "(1, 1, '2023-12-01Z', 'click', ''), (1, 2, '2024-01-02Z', 'click', 'home')", more: "scene text")
        #expect(found.next.map(\.scene) == [1])
    }

    @Test func futureRowsAreRefusedAndNoTargets() throws {
        let found = try read(
            "(1, 1, '2023-12-01Z', 'click'), (1, 2, '2026-01-01 00:00:00.000001Z', 'click'), (1, 3, 'infinity', 'click')"
        )
        #expect(found.users.isEmpty)
    }
}
