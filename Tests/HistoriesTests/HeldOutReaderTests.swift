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
        _ rows: String, items: [Int64] = [1, 2, 3, 4], more: String? = nil, itemsPerSession: Int = 64,
        weakest: Action = .click
    ) throws -> Found {
        let tables = try SourceTables(more: more)
        try tables.insert(rows)
        var settings = HistorySettings()
        settings.itemsPerSession = itemsPerSession
        let known = vocabulary(.bigint, items.map { .integer($0) }, scenes: ["", "home"])
        var reader = HeldOutReader(
            try tables.source(), vocabulary: known, settings: settings, split: .after(Moment.year2024),
            weakest: weakest, now: Moment.year2026)
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

    /// User 2 buys in the session after the next one, user 3 something that was clicked before: neither moves what is next.
    @Test func ofTheNextSessionTheStrongerActionsMayBeAskedForAlone() throws {
        let rows = """
            (1, 1, '2023-12-01Z', 'click'), (1, 2, '2024-01-05 10:00Z', 'click'),
            (1, 3, '2024-01-05 10:05Z', 'cart'), (1, 4, '2024-01-05 10:10Z', 'purchase'),
            (2, 1, '2023-12-01Z', 'click'), (2, 2, '2024-01-05Z', 'click'), (2, 3, '2024-01-06Z', 'purchase'),
            (3, 1, '2023-12-01Z', 'click'), (3, 2, '2024-01-05 10:00Z', 'click'), (3, 2, '2024-01-05 10:05Z', 'purchase'),
            (3, 3, '2024-01-05 10:06Z', 'impression')
            """
        #expect(try read(rows).next.map(\.items) == [[1, 2, 3], [1], [1]])
        let cart = try read(rows, weakest: .cart), bought = try read(rows, weakest: .purchase)
        #expect(cart.users == [.integer(1), .integer(3)] && cart.next.map(\.items) == [[2, 3], [1]])
        #expect(bought.users == cart.users && bought.next.map(\.items) == [[3], [1]])
        #expect(bought.next.map(\.startsAt) == [1_704_448_800, 1_704_448_800])
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

    @Test func sessionsThatBeginAtOneInstantAreTheTargetTogether() throws {
        let found = try read(
            """
            (1, 1, '2023-12-31Z', 'click', 'a'), (1, 2, '2024-03-01Z', 'click', 'b'), (1, 3, '2024-03-01Z', 'click', 'b'),
            (1, 3, '2024-03-01Z', 'click', 'c'), (1, 4, '2024-03-01Z', 'click', 'c'),
            (1, 1, '2024-03-01 00:00:00.000001Z', 'click', 'd')
            """, more: "session_id text")
        #expect(found.next.map(\.items) == [[1, 2, 3]])
    }

    @Test func everybodyIsReadWhereEverybodyIsAskedFor() throws {
        let tables = try SourceTables()
        try tables.insert(
            """
            (1, 1, '2023-12-01Z', 'click'), (2, 1, '2024-01-02Z', 'click'), (3, 2, '2023-12-01Z', 'click'),
            (3, 1, '2024-01-02Z', 'click')
            """)
        var reader = HeldOutReader(
            try tables.source(), vocabulary: vocabulary(.bigint, [1, 2].map { .integer($0) }),
            settings: HistorySettings(), split: .after(Moment.year2024), now: Moment.year2026)
        var found: [ExternalID: ([Int32], [Int32]?)] = [:]
        try reader.readEverybody(on: tables.connection) { found[$0] = ($1.rows, $2?.items) }
        #expect(found.count == 3)
        #expect(found[.integer(1)]! == ([0], nil) && found[.integer(2)]! == ([], [0]))
        #expect(found[.integer(3)]! == ([1], [0]))
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

/// Everything but the last engaged event of each user up to an instant.
@Suite struct LastEventTests {
    private let rows = """
        (1, 1, '2023-12-01 10:00Z', 'click'), (1, 2, '2023-12-01 10:01Z', 'impression'),
        (1, 3, '2023-12-02 10:00Z', 'purchase'), (1, 4, '2023-12-02 10:01Z', 'impression'),
        (2, 2, '2023-12-01Z', 'click'), (3, 4, '2023-12-01Z', 'impression'),
        (4, 1, '2023-12-01 10:00Z', 'click'), (4, 90, '2023-12-01 10:05Z', 'click'),
        (5, 1, '2023-12-01 10:00Z', 'click'), (5, 2, '2023-12-01 10:05Z', 'click'), (5, 3, '2024-06-01Z', 'click')
        """

    private func read(upTo end: String, weakest: Action = .click) throws -> [ExternalID: (
        history: [Int32], next: NextSession?
    )] {
        let tables = try SourceTables()
        try tables.insert(rows)
        var reader = HeldOutReader(
            try tables.source(), vocabulary: vocabulary(.bigint, [1, 2, 3, 4].map { .integer($0) }),
            settings: HistorySettings(), split: .lastEvent(upTo: end), weakest: weakest,
            now: Moment.year2026)
        var found: [ExternalID: (history: [Int32], next: NextSession?)] = [:]
        try reader.readEverybody(on: tables.connection) { found[$0] = ($1.rows, $2) }
        return found
    }

    @Test func theLastEngagedEventIsTheTargetAndWhatCameAfterItIsNotSeen() throws {
        let found = try read(upTo: "2026-01-01Z")
        #expect(found[.integer(1)]?.history == [0, 1] && found[.integer(1)]?.next?.items == [2])
        #expect(found[.integer(1)]?.next?.startsAt == 1_701_511_200)
        #expect(found[.integer(2)]?.history == [] && found[.integer(2)]?.next?.items == [1])
        #expect(found[.integer(3)]?.history == [3] && found[.integer(3)]?.next == nil)
        // An item that the vocabulary lacks has a row past its end.
        #expect(found[.integer(4)]?.history == [0] && found[.integer(4)]?.next?.items == [4])
        #expect(found[.integer(5)]?.history == [0, 1] && found[.integer(5)]?.next?.items == [2])
    }

    @Test func aLastEventThatIsTooWeakIsNobodysTarget() throws {
        let found = try read(upTo: "2026-01-01Z", weakest: .purchase)
        #expect(found[.integer(1)]?.next?.items == [2])
        #expect(found[.integer(5)]?.history == [0, 1] && found[.integer(5)]?.next == nil)
    }

    @Test func eventsAfterTheInstantAreNobodysLast() throws {
        let found = try read(upTo: "2024-01-01Z")
        #expect(found[.integer(5)]?.history == [0] && found[.integer(5)]?.next?.items == [1])
    }

    @Test func historiesToTrainOnEndWhereThoseOfTheEvaluationDo() throws {
        let tables = try SourceTables()
        try tables.insert(rows)
        let known = vocabulary(.bigint, [1, 2, 3, 4].map { .integer($0) })
        var training = HistoryReader(
            try tables.source(), vocabulary: known, settings: HistorySettings(), asOf: "2026-01-01Z",
            now: Moment.year2026, leavesLastOut: true)
        var evaluation = HeldOutReader(
            try tables.source(), vocabulary: known, settings: HistorySettings(), split: .lastEvent(upTo: "2026-01-01Z"),
            now: Moment.year2026)
        var first: [TokenHistory] = [], second: [TokenHistory] = []
        try training.read(on: tables.connection) { first.append($1) }
        try evaluation.readEverybody(on: tables.connection) { _, history, _ in second.append(history) }
        #expect(first == second && first.map(\.rows) == [[0, 1], [], [3], [0], [0, 1]])
    }
}
