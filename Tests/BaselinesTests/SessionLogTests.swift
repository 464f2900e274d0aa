import Baselines
import Domain
import Testing

@Suite struct SessionLogTests {
    @Test func engagedIsWithoutImpressionsAndWithoutSessionsOfNothingElse() {
        var all = TokenHistory()
        all.append(startsAt: 1, scene: 0, items: [(row: 4, action: 0), (row: 5, action: 1)])
        all.append(startsAt: 2, scene: 0, items: [(row: 6, action: 0)])
        all.append(startsAt: 3, scene: 2, items: [(row: 7, action: 3)])
        var wanted = TokenHistory()
        wanted.append(startsAt: 1, scene: 0, items: [(row: 5, action: 1)])
        wanted.append(startsAt: 3, scene: 2, items: [(row: 7, action: 3)])
        #expect(all.engaged == wanted)
    }

    @Test func usersAreFoundByTheirNumberAndEmptyOnesAreNot() {
        var log = SessionLog(items: 9, asOf: 0)
        #expect(log.add(history([(0, [1])])) == 0)
        #expect(log.add(TokenHistory()) == 1)
        #expect(log.add(history([(0, [2])])) == 2)
        #expect([0, 1, 2, 3].map { log.place(of: $0) } == [0, nil, 1, nil])
        #expect(log.usersSeen == 3 && !log.isSampled)
    }

    @Test func aboveTheBudgetUsersStayByTheirHashWhateverTheirOrder() {
        let users = (0..<200).map { (rows: Int32($0), hash: ExternalID.integer($0).stableHash) }
        func kept(_ users: [(rows: Int32, hash: UInt64)]) -> Set<Int32> {
            var log = SessionLog(items: 200, asOf: 0, tokenBudget: 100)
            for user in users { log.add(history([(0, [user.rows])]), hash: user.hash) }
            #expect(log.isSampled && log.histories.reduce(0) { $0 + $1.tokens } <= 100)
            for (place, history) in log.histories.enumerated() {
                #expect(users[users.firstIndex { $0.rows == history.rows[0] }!].rows == history.rows[0])
                #expect(log.place(of: users.firstIndex { $0.rows == history.rows[0] }!) == place)
            }
            return Set(log.histories.map { $0.rows[0] })
        }
        let forwards = kept(users), backwards = kept(users.reversed())
        #expect(forwards == backwards && forwards.count > 20)
    }

    @Test func withoutAnInstantAgesEndWithEachHistory() {
        let log = SessionLog(items: 1, asOf: nil)
        #expect(log.now(of: history([(3, [0]), (8, [0])])) == 8 * day)
        #expect(SessionLog(items: 1, asOf: 5).now(of: history([(3, [0])])) == 5)
    }
}
