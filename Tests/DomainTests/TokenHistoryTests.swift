import Domain
import Testing

@Suite struct TokenHistoryTests {
    /// Sessions of 1, 3 and 2 items: 2, 4 and 3 tokens.
    private let history: TokenHistory = {
        var history = TokenHistory()
        history.append(startsAt: 10, scene: 0, items: [(row: 1, action: 1)])
        history.append(startsAt: 20, scene: 1, items: [(row: 2, action: 1), (row: 3, action: 2), (row: 4, action: 3)])
        history.append(startsAt: 30, scene: 0, items: [(row: 5, action: 0), (row: 6, action: 1)])
        return history
    }()

    @Test func tokensAreSessionsAndItems() {
        #expect(history.tokens == 9)
        #expect(TokenHistory().tokens == 0)
    }

    @Test func aPrefixKeepsTheItemsOfItsSessions() {
        let two = history.prefix(2)
        #expect(two.sessions.map(\.startsAt) == [10, 20] && two.rows == [1, 2, 3, 4] && two.actions == [1, 1, 2, 3])
        #expect(history.prefix(0) == TokenHistory() && history.prefix(9) == history)
    }

    @Test(
        arguments: [
            (0, [30]), (1, [30]), (3, [30]), (6, [30]), (7, [20, 30]), (8, [20, 30]), (9, [10, 20, 30]),
            (99, [10, 20, 30]),
        ] as [(Int, [Int64])])
    func theNewestSessionsThatFitAreKeptAndTheLastInAnyCase(_ budget: Int, _ starts: [Int64]) {
        let cut = history.newest(budget: budget)
        #expect(cut.sessions.map(\.startsAt) == starts)
        #expect(cut.rows == Array(history.rows.suffix(cut.rows.count)) && cut.actions.count == cut.rows.count)
        #expect(cut.rows.count == cut.sessions.reduce(0) { $0 + Int($1.items) })
    }

    @Test func anEmptyHistoryStaysEmpty() { #expect(TokenHistory().newest(budget: 5) == TokenHistory()) }
}
