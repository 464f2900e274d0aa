import Domain
import Interests
import Pipeline
import Testing
import Transitions

/// What came behind keys after a cut, counted as transitions are.
@Suite struct HeldOutTransitionsTests {
    private static func key(_ clusters: Int32...) -> Int64 { TransitionKey(clusters).rawValue }

    @Test func onlyNovelClustersAfterTheCutCountBehindTheKeysThatAreAskedFor() {
        var heldOut = HeldOutTransitions(cut: 2, keys: [Self.key(1), Self.key(0, 1), Self.key(1, 2)])
        // Two up to the cut, a repeat, an event without a cluster; then 2 is new, 1 is no news behind (1, 2), and 0 is.
        heldOut.add(clusters: [0, 1, 1, -1, 2, 1, 2, 0], times: [1, 2, 3, 4, 5, 6, 7, 8])
        heldOut.add(clusters: [1, 2], times: [1, 2])
        #expect(
            heldOut.all
                == [
                    HeldOutNext(key: Self.key(1), next: 2, count: 2),
                    HeldOutNext(key: Self.key(0, 1), next: 2, count: 1),
                    HeldOutNext(key: Self.key(1, 2), next: 0, count: 1),
                ].sorted { $0.key < $1.key })
    }

    @Test(arguments: 0..<20 as Range<UInt64>) func ofTheWholePastTheyAreTheCountsOfATally(_ seed: UInt64) throws {
        var draw = SeededGenerator(seed: seed)
        let tally = try TransitionTally(
            clusters: 6, asOf: 1000, settings: TransitionSettings(halfLifeDays: 0, successors: 6))
        let keys = (0..<6 as Range<Int32>).flatMap { a in
            [Self.key(a)] + (0..<6 as Range<Int32>).filter { $0 != a }.map { Self.key(a, $0) }
        }
        var heldOut = HeldOutTransitions(cut: 0, keys: Set(keys))
        for _ in 0..<40 {
            let clusters = (0..<draw.below(12)).map { _ in Int32(draw.below(7)) - 1 }
            let times = clusters.indices.map { Int64($0 + 1) }
            try tally.add(clusters: clusters, times: times)
            heldOut.add(clusters: clusters, times: times)
        }
        let table = try TransitionTally.finish([tally], workers: 1).build().table
        var counted: [Int64: Int] = [:]
        for next in heldOut.all { counted[next.key, default: 0] += next.count }
        for key in keys {
            #expect(counted[key] ?? 0 == table.row(TransitionKey(rawValue: key))?.support ?? 0)
        }
        #expect(counted.values.reduce(0, +) > 50)
    }
}
