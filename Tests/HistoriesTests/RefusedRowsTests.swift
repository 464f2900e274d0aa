import Domain
import Histories
import Testing

/// Bad rows are counted by reason and left out; their neighbours on the good side of each border are read.
@Suite struct RefusedRowsTests {
    @Test(arguments: [
        ("(NULL, 100, '2024-01-01Z', 'click')", RefusedReason.missingUser),
        ("(1, NULL, '2024-01-01Z', 'click')", .missingItem),
        ("(1, 100, NULL, 'click')", .missingTime),
        ("(1, 100, 'infinity', 'click')", .missingTime),
        ("(1, 100, '-infinity', 'click')", .missingTime),
        ("(1, 100, '1989-12-31T23:59:59.999999Z', 'click')", .beforeYear1990),
        ("(1, 100, '2026-01-01T00:00:00.000001Z', 'click')", .inTheFuture),
        ("(1, 100, '2024-01-01Z', 'bought')", .unknownAction),
        ("(1, 100, '2024-01-01Z', '')", .unknownAction),
        ("(1, 100, '2024-01-01Z', NULL)", .unknownAction),
    ])
    func aBadRowIsCountedByItsReasonAndLeftOut(_ row: String, _ reason: RefusedReason) throws {
        let tables = try SourceTables()
        try tables.insert("(1, 100, '2025-01-01Z', 'click'), " + row)
        let pass = try tables.read(vocabulary: vocabulary(.bigint, [.integer(100)]))
        #expect(pass.refused.counts == [reason: 1])
        #expect(pass.refused.sample.map(\.reason) == [reason])
        #expect(pass.events == 1)
        #expect(pass.users == [.integer(1)])
        #expect(pass.histories.map(\.rows) == [[0]])
    }

    @Test(arguments: [
        "(1, 100, '1990-01-01T00:00:00Z', 'click')", "(1, 100, '2026-01-01T00:00:00Z', 'click')",
        "(1, 100, '2024-01-01Z', 'CLICK')", "(1, 100, '2024-01-01Z', 'add_to_cart')", "(0, 100, '2024-01-01Z', 'pv')",
    ])
    func aRowOnTheGoodSideOfTheBorderIsRead(_ row: String) throws {
        let tables = try SourceTables()
        try tables.insert(row)
        let pass = try tables.read(vocabulary: vocabulary(.bigint, [.integer(100)]))
        #expect(pass.refused.total == 0)
        #expect(pass.histories.map(\.rows) == [[0]])
    }

    @Test func futureRowsAreCountedEvenWhereTheAsOfInstantLiesBefore() throws {
        let tables = try SourceTables()
        try tables.insert(
            """
            (1, 100, '2024-01-01Z', 'click'), (1, 100, '2024-07-01Z', 'click'),
            (1, 100, '2026-01-01T00:00:00Z', 'click'), (1, 100, '2026-01-01T00:00:00.000001Z', 'click')
            """)
        let pass = try tables.read(asOf: "2024-06-01Z", vocabulary: vocabulary(.bigint, [.integer(100)]))
        #expect(pass.refused.counts == [.inTheFuture: 1])
        #expect(pass.events == 1)
    }

    @Test func aUserWithBadRowsOnlyHasAnEmptyHistory() throws {
        let tables = try SourceTables()
        try tables.insert("(1, 100, '2024-01-01Z', 'x'), (2, 100, '2024-01-01Z', 'click')")
        let pass = try tables.read(vocabulary: vocabulary(.bigint, [.integer(100)]))
        #expect(pass.users == [.integer(1), .integer(2)])
        #expect(pass.histories.map(\.rows) == [[], [0]])
    }

    @Test func everyBadRowIsCountedAndTheFirstTwentyOfEachReasonAreKept() throws {
        let tables = try SourceTables()
        try tables.run(
            """
            INSERT INTO events SELECT 1, 100, '2024-01-01Z', 'x' FROM generate_series(1, 30);
            INSERT INTO events SELECT NULL, 100, '2024-01-01Z', 'click' FROM generate_series(1, 3);
            """)
        let refused = try tables.read(vocabulary: vocabulary(.bigint, [.integer(100)])).refused
        #expect(refused.total == 33)
        #expect(refused.sample.filter { $0.reason == .unknownAction }.count == 20)
        #expect(refused.sample.filter { $0.reason == .missingUser }.count == 3)
        #expect(refused.summary == "3 missing user, 30 unknown action")
    }
}
