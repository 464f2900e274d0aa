import Domain
import Testing
import Transitions

@Suite struct TransitionLookupTests {
    private func table(_ settings: TransitionSettings = TransitionSettings(), users: Int = 300) throws
        -> TransitionTable
    {
        try DrawnUsers(seed: 2, users: users, clusters: 12, days: 400).tally(settings, clusters: 15).build().table
    }

    @Test func theLongestKeyThatWasSeenSpeaks() throws {
        let table = try table()
        let pair = try #require(table.rows.first { $0.key.length == 2 }), clusters = pair.key.clusters
        let answer = table.next(after: [9] + clusters, count: 5)
        #expect(answer.basis == .pair && answer.key == clusters && answer.support == pair.support)
        #expect(answer.candidates.count == 5)
        // 13 was never seen.
        #expect(table.next(after: [13, clusters[1]], count: 5).basis == .latest)
        #expect(table.next(after: [clusters[1], 13], count: 5).basis == .everybody)
        #expect(table.next(after: [clusters[1], 13], count: 5).key == [clusters[1], 13])
    }

    @Test(arguments: [[], [99], [3, -1], [3, 15]] as [[Int32]])
    func withoutAKnownLatestClusterEverybodySpeaks(_ history: [Int32]) throws {
        let answer = try table().next(after: history, count: 3)
        let everybody = try #require(try table().row(.everybody))
        #expect(answer.basis == .everybody && answer.key.isEmpty)
        #expect(answer.candidates.map(\.successor) == Array(everybody.successors.prefix(3)))
    }

    @Test func whatTheUserWasInLastIsNoAnswerAndRepeatsAreOne() throws {
        let table = try table()
        let answer = table.next(after: [1, 0, 0, 0], count: 99)
        #expect(answer.key == [1, 0] && answer.candidates.allSatisfy { ![0, 1].contains($0.successor.cluster) })
        #expect(answer == table.next(after: [7, 1, 1, 0], count: 99))
        // The key ends before a cluster comes back.
        #expect(table.next(after: [0, 1, 0], count: 3).key == [1, 0])
    }

    @Test func anEmptyTableHasNoAnswer() throws {
        let answer = try table(users: 0).next(after: [1, 2], count: 5)
        #expect(answer.basis == nil && answer.candidates.isEmpty && answer.key == [1, 2])
    }

    @Test func twoClustersLeaveNothingAfterAPair() throws {
        var drawn = DrawnUsers(seed: 0, users: 0, clusters: 2, days: 1)
        drawn.users = [([0, 1, 0], [1, 2, 3])]
        let table = try drawn.tally(TransitionSettings(), clusters: 2).build().table
        #expect(table.next(after: [0, 1], count: 5).candidates.isEmpty)
        #expect(table.next(after: [0], count: 5).candidates.map(\.successor.cluster) == [1])
        #expect(table.next(after: [0], count: 5).candidates.allSatisfy { abs($0.successor.probability - 1) < 1e-6 })
    }

    /// Against the probabilities of all clusters, one by one.
    @Test(arguments: [2, 3])
    func theBestOfALookupAreTheMostProbableOfAllClusters(_ keyLength: Int) throws {
        let whole = try table(TransitionSettings(keyLength: keyLength, successors: 65_535))
        let cut = try table(TransitionSettings(keyLength: keyLength, successors: 5))
        for a in 0..<15 as Range<Int32> {
            for b in 0..<15 as Range<Int32> where a != b {
                let probabilities = (0..<15 as Range<Int32>).filter { $0 != a && $0 != b }
                    .map { ($0, whole.probability(of: $0, after: [a, b])) }
                let best = probabilities.sorted { $0.1 > $1.1 }.prefix(5)
                for table in [whole, cut] {
                    let answer = table.next(after: [a, b], count: 5)
                    #expect(answer.candidates.count == 5)
                    for (candidate, wanted) in zip(answer.candidates, best) {
                        #expect(abs(Double(candidate.successor.probability) - wanted.1) < 1e-6)
                    }
                }
            }
        }
    }
}
