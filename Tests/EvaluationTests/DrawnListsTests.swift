import Evaluation
import Foundation
import Tensors
import Testing

/// Agreement with an independent scorer: `Golden/drawn_lists.py` made the lists and the figures.
@Suite struct DrawnListsTests {
    private struct Golden: Decodable {
        struct Case: Decodable {
            var list: [Int32]
            var truth: [Int32]
            var seen: Set<Int32>
        }
        struct Figures: Decodable {
            var users: Int
            var means: [String: Double]
        }
        var cases: [Case]
        var whole: Figures
        var novel: Figures
    }

    @Test func figuresAgreeWithThoseOfTheIndependentScorer() throws {
        let url = try #require(
            Bundle.module.url(forResource: "drawn-lists", withExtension: "json", subdirectory: "Golden"))
        let golden = try JSONDecoder().decode(Golden.self, from: Data(contentsOf: url))
        let method = ListedMethod(
            name: "drawn", lists: golden.cases.map(\.list),
            novelLists: golden.cases.map { drawn in drawn.list.filter { !drawn.seen.contains($0) } })
        let targets = golden.cases.map { Target(items: $0.truth, seen: $0.seen, userClass: .new, scene: 0) }
        let found = Comparison(
            [method], targets: targets, cutoffs: [10, 20, 100], resamples: 0, seed: 1, pool: WorkerPool(workers: 1))
        for (part, wanted) in [(TargetPart.whole, golden.whole), (.novel, golden.novel)] {
            #expect(found.users(part) == wanted.users)
            let means = Dictionary(uniqueKeysWithValues: zip(found.names, found.means(0, part)))
            #expect(wanted.means.count == 7)
            for (name, value) in wanted.means {
                #expect(abs(try #require(means[name]) - value) < 1e-9, "\(part) \(name)")
            }
        }
        #expect(golden.novel.users < golden.whole.users, "somebody has to want nothing new")
    }
}
