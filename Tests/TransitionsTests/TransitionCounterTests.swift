import Domain
import Testing
import Transitions

@Suite struct TransitionCounterTests {
    /// Ten rows of items, two to a cluster; row 10 has none.
    private static let clusters = ClusterMap(
        clusterOfRow: [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, -1], names: ["a", "b", "c", "d", "e"])

    /// A history that goes through these rows, all in one session, as the order of rows is that of time.
    private func history(_ rows: [Int32], actions: [Action]? = nil) -> TokenHistory {
        TokenHistory(
            sessions: [SessionHead(startsAt: 0, scene: 0, items: Int32(rows.count))], rows: rows,
            actions: (actions ?? rows.map { _ in .click }).map(\.rawValue))
    }

    private func table(_ histories: [TokenHistory]) -> [Int64: [Candidate]] {
        var counter = TransitionCounter(Self.clusters)
        for history in histories { counter.add(history) }
        return Dictionary(uniqueKeysWithValues: counter.table())
    }

    private func next(_ table: [Int64: [Candidate]], _ older: Int32?, _ latest: Int32?) -> [UInt32: Float]? {
        table[TransitionCounter.key(older, latest)].map {
            Dictionary(uniqueKeysWithValues: $0.map { ($0.row, $0.score) })
        }
    }

    @Test func keysPackTheOlderClusterAboveTheLatestAsInSQL() {
        #expect(TransitionCounter.key(nil, nil) == 0)
        #expect(TransitionCounter.key(nil, 0) == 1)
        #expect(TransitionCounter.key(0, nil) == 1 << 32)
        #expect(TransitionCounter.key(3, 7) == 4 << 32 | 8)
        #expect(TransitionCounter.key(2_147_483_646, 2_147_483_646) == 2_147_483_647 << 32 | 2_147_483_647)
    }

    @Test func repeatsInARowAreOneStep() {
        // a a b b a: from a to b, from b to a.
        let found = table([history([0, 1, 2, 3, 2, 0])])
        #expect(next(found, nil, 0) == [1: 1])
        #expect(next(found, nil, 1) == [0: 1])
        #expect(next(found, nil, nil) == [0: 0.5, 1: 0.5])
    }

    @Test func aUserOfOneClusterSaysNothing() {
        #expect(table([history([0, 1, 0, 1]), history([]), history([4])]).isEmpty)
    }

    @Test func impressionsAndItemsWithoutAClusterAreNoSteps() {
        let found = table([
            history([0, 4, 2], actions: [.click, .impression, .purchase]), history([0, 10, 1, 10, 2]),
        ])
        #expect(next(found, nil, 0) == [1: 1])
        #expect(next(found, nil, 2) == nil)
    }

    @Test func whatComesNextDiffersFromBothClustersOfItsKey() {
        // a b a b a ...: nothing novel ever follows a pair.
        let found = table((0..<5).map { _ in history([0, 2, 0, 2, 0, 2]) })
        #expect(found.keys.allSatisfy { $0 >> 32 == 0 })
        #expect(next(found, nil, 0) == [1: 1])
    }

    @Test(arguments: [(2, false), (3, true)])
    func aPairSpeaksForItselfFromTheThirdTimeOn(_ users: Int, _ speaks: Bool) {
        let found = table((0..<users).map { _ in history([0, 2, 4]) })
        #expect((next(found, 0, 1) != nil) == speaks)
        // One cluster alone needs to be seen but once.
        #expect(next(found, nil, 1) == [2: 1])
    }

    @Test func thePairIsOrdered() {
        let found = table((0..<3).map { _ in history([0, 2, 4]) } + (0..<3).map { _ in history([2, 0, 6]) })
        #expect(next(found, 0, 1) == [2: 1])
        #expect(next(found, 1, 0) == [3: 1])
    }

    @Test func sharesAreOfAllThatFollowedMostProbableFirst() throws {
        let found = table([[0, 2], [0, 2], [0, 2], [0, 4], [0, 6], [0, 6]].map { history($0) })
        let after = try #require(found[TransitionCounter.key(nil, 0)])
        #expect(after.map(\.row) == [1, 3, 2])
        #expect(after.map(\.score) == [0.5, Float(2) / 6, Float(1) / 6])
        #expect(after.allSatisfy { $0.source == .transition })
    }

    @Test func tiesGoByCluster() throws {
        let found = table([[0, 6], [0, 2], [0, 4]].map { history($0) })
        #expect(try #require(found[1]).map(\.row) == [1, 2, 3])
    }

    /// Against a direct count, user by user, with sets and no packing.
    @Test(arguments: 0..<20 as Range<UInt64>)
    func theTableAgreesWithADirectCountForSeed(_ seed: UInt64) {
        var draw = SeededGenerator(seed: seed, stream: 0x7a)
        let map = ClusterMap(clusterOfRow: (0..<60).map { Int32($0 % 30) - 1 }, names: (0..<29).map { "\($0)" })
        let histories = (0..<200).map { _ in
            let rows = (0..<draw.below(12)).map { _ in Int32(min(draw.below(60), draw.below(60))) }
            return history(rows, actions: rows.map { _ in Action(rawValue: UInt8(draw.below(4)))! })
        }
        var counter = TransitionCounter(map)
        for history in histories { counter.add(history) }
        var expected: [[Int32]: [Int32: Int]] = [:]
        for history in histories {
            var steps: [Int32] = []
            for (row, action) in zip(history.rows, history.actions) where action > 0 {
                let cluster = map.clusterOfRow[Int(row)]
                if cluster >= 0, steps.last != cluster { steps.append(cluster) }
            }
            for (t, step) in steps.enumerated().dropFirst() {
                expected[[], default: [:]][step, default: 0] += 1
                expected[[steps[t - 1]], default: [:]][step, default: 0] += 1
                if t > 1, steps[t - 2] != step {
                    expected[[steps[t - 2], steps[t - 1]], default: [:]][step, default: 0] += 1
                }
            }
        }
        expected = expected.filter { $0.key.count < 2 || $0.value.values.reduce(0, +) >= 3 }
        let found = counter.table()
        #expect(found.map(\.key) == found.map(\.key).sorted())
        #expect(found.count == expected.count)
        for (pair, counts) in expected {
            let key = TransitionCounter.key(pair.count == 2 ? pair[0] : nil, pair.last)
            let next = found.first { $0.key == key }?.next ?? []
            let total = Float(counts.values.reduce(0, +))
            #expect(next.count == min(20, counts.count))
            #expect(next.allSatisfy { $0.score == Float(counts[Int32($0.row)] ?? 0) / total })
            #expect(zip(next, next.dropFirst()).allSatisfy { $0.score >= $1.score })
            #expect(next.reduce(0) { $0 + $1.score } <= 1.0001)
        }
    }
}
