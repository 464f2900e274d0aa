import Domain
import Foundation
import Model
import Safetensors
import Tensors
import Testing

/// What users popularly go on to, against its definition in Double.
@Suite struct AnchorTableTests {
    private static let day: Int64 = 86_400
    private static let asOf: Int64 = 1_700_000_000

    /// Sessions of a few users, each with the items of the one before.
    private static func drawn(
        _ seed: UInt64, items: Int, sessions: Int
    ) -> [(rows: [Int32], before: [Int32], at: Int64)] {
        var draw = SeededGenerator(seed: seed, stream: 0xa2c4), last: [Int: [Int32]] = [:]
        return (0..<sessions).map { number in
            let user = draw.below(5)
            let rows = Set((0..<1 + draw.below(6)).map { _ in Int32(draw.below(items)) }).shuffled(using: &draw)
            let before = last[user] ?? []
            last[user] = rows
            return (rows, before, asOf - Int64(sessions - number) * day / 2)
        }
    }

    private static func table(_ sessions: [(rows: [Int32], before: [Int32], at: Int64)], items: Int) -> AnchorTable {
        let begin = sessions[0].at
        var table = AnchorTable(items: items, begin: begin)
        for session in sessions { table.count(session.rows, after: session.before, at: session.at) }
        table.rank()
        return table
    }

    private static func history(_ rows: [Int32], action: Action = .click) -> TokenHistory {
        var history = TokenHistory()
        history.append(startsAt: asOf - day, scene: 0, items: rows.map { (row: $0, action: action.rawValue) })
        return history
    }

    /// Scores of all items, and what is popular.
    private static func scores(
        _ sessions: [(rows: [Int32], before: [Int32], at: Int64)], items: Int, after last: [Int32], at instant: Int64
    ) -> (next: [Double], popular: [Double]) {
        var next = [Double](repeating: 0, count: items), popular = next
        for item in last {
            var followed = 0.0, came = [Double](repeating: 0, count: items)
            for session in sessions where session.before.contains(item) {
                let weight = exp2(Double(session.at - instant) / Double(60 * day))
                followed += weight
                for row in session.rows { came[Int(row)] += weight }
            }
            for row in 0..<items { next[row] += came[row] / (followed + 5) }
        }
        for session in sessions {
            for row in session.rows { popular[Int(row)] += exp2(Double(session.at - instant) / Double(14 * day)) }
        }
        return (next, popular)
    }

    @Test(arguments: [3, 12, 60], [1, 7, 40]) func anchorsAreTheBestByShareThenThePopular(items: Int, count: Int) {
        var scores = AnchorTable.Scores()
        for seed in 0..<20 as Range<UInt64> {
            let sessions = Self.drawn(seed, items: items, sessions: 60), table = Self.table(sessions, items: items)
            let last = sessions[Int(seed)].rows
            // Then, and a year later, when what is known weighs less against what it is smoothed by.
            let instant = Self.asOf + (seed % 2 == 0 ? 0 : 365 * Self.day)
            let found = table.anchors(count, after: Self.history(last), at: instant, &scores)
            let wanted = Self.scores(sessions, items: items, after: last, at: instant)
            let others = (0..<Int32(items)).filter { !last.contains($0) && wanted.popular[Int($0)] > 0 }
            #expect(found.count == min(count, others.count) && Set(found).count == found.count)
            #expect(found.allSatisfy(others.contains))
            // By value, as equal ones may stand either way.
            func key(_ row: Int32) -> (Double, Double) {
                let next = wanted.next[Int(row)]
                return (next, next > 0 ? 0 : wanted.popular[Int(row)])
            }
            let best = others.map(key).sorted(by: >).prefix(count)
            for (its, best) in zip(found.map(key), best) {
                #expect(abs(its.0 - best.0) < 1e-5 && abs(its.1 - best.1) < 1e-4 * max(1, best.1))
            }
        }
    }

    @Test func whatWasOnlyShownIsNoLastSession() {
        var scores = AnchorTable.Scores(), table = AnchorTable(items: 10, begin: Self.asOf)
        for _ in 0..<3 { table.count([3], after: [1], at: Self.asOf) }
        for _ in 0..<3 { table.count([4], after: [2], at: Self.asOf) }
        var history = Self.history([1])
        history.append(startsAt: Self.asOf, scene: 0, items: [(row: Int32(2), action: Action.impression.rawValue)])
        #expect(table.anchors(1, after: history, at: Self.asOf, &scores) == [3])
    }

    /// Longer than the weights of a Float reach.
    @Test func decadesAreCountedWithoutLosingWhatIsNew() {
        var table = AnchorTable(items: 400, begin: 0), scores = AnchorTable.Scores()
        for day in 0..<15_000 as Range<Int64> where day % 5 == 0 {
            let row = Int32(day / 5 % 300)
            table.count([row, (row + 1) % 300], after: [(row + 299) % 300, 399], at: day * Self.day)
            guard day % 1000 == 0 else { continue }
            table.rank()
            let found = table.anchors(40, after: Self.history([399]), at: day * Self.day, &scores)
            #expect(found.count == min(40, 2 + Int(day / 5)) && Set(found).count == found.count, "day \(day)")
            #expect(found[0] == row, "day \(day): it came now and the time before")
        }
        table.finish(at: 15_000 * Self.day)
        let found = table.anchors(40, after: Self.history([399]), &scores)
        #expect(found.count == 40 && Set(found).count == 40)
        // A century later nothing has any weight, and what was popular last stands as it was.
        table = AnchorTable(items: 5, begin: 0)
        table.count([1], after: [0], at: 0)
        table.finish(at: 40_000 * Self.day)
        #expect(table.anchors(3, after: Self.history([0]), &scores) == [1])
    }

    @Test func ofManySuccessorsTheHeaviestAreKept() {
        var table = AnchorTable(items: 2000, begin: Self.asOf - 1000), scores = AnchorTable.Scores()
        for row in 1..<1500 as Range<Int32> {
            table.count([row, 1990 + row % 5], after: [0], at: Self.asOf - 1000 + Int64(row))
        }
        table.finish(at: Self.asOf)
        let found = table.anchors(5, after: Self.history([0]), &scores)
        #expect(Set(found) == Set((1990..<1995).map { Int32($0) }))
        #expect(table.tensors["items"]!.shape[0] == 64, "one item is followed, by at most 64")
    }

    @Test func anArtifactHoldsThemAndWhatDoesNotFitIsRefused() throws {
        let folder = NSTemporaryDirectory() + "nearline-test-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let items = 30,
            vocabulary = Vocabulary(
                itemType: .bigint, items: (0..<items).map { .integer(Int64($0)) },
                category: Array(repeating: 0, count: items), seller: Array(repeating: 0, count: items),
                categories: [""],
                sellers: [""], scenes: ["", "home"])
        var table = Self.table(Self.drawn(1, items: items, sessions: 90), items: items)
        table.finish(at: Self.asOf)
        let artifact = ModelArtifact(
            parameters: ModelParameters(
                ModelSettings(
                    items: items, categories: 1, sellers: 1, scenes: 2, width: 8, heads: 1, blocks: 1, anchors: 4)),
            vocabulary: vocabulary, anchors: table, facts: [:])
        try artifact.file.write(to: folder + "/a")
        let read = try ModelArtifact(path: folder + "/a")
        #expect(read.anchors == table && read.parameters.settings.anchors == 4)
        let history = Self.history([3, 5]),
            with = read.anchored([history, TokenHistory()], pool: WorkerPool(workers: 2))
        #expect(with[1] == TokenHistory(), "a user of whom nothing is known has none")
        #expect(with[0].sessions.count == 2 && with[0].prefix(1) == history)
        #expect(with[0].sessions[1].scene == 2 && with[0].sessions[1].items == 4)
        #expect(with[0].sessions[1].startsAt == history.sessions[0].startsAt)
        let tensors = table.tensors
        for (name, wrong) in [
            ("items", StoredTensor([Int32](repeating: 30, count: tensors["items"]!.shape[0]))),
            ("items", StoredTensor([Int32(1)])), ("ends", StoredTensor([Int64](repeating: 7, count: items))),
            ("ends", StoredTensor([Int64]())), ("ends", StoredTensor([Int32](repeating: 0, count: items))),
            ("popular", StoredTensor([Int32(-1)])),
            ("as_of", StoredTensor([Int64]())),
            ("weights", StoredTensor(floats: UnsafeBufferPointer(start: nil, count: 0), shape: [0])),
        ] {
            #expect(throws: SafetensorsError.self, "\(name)") {
                _ = try AnchorTable(items: items, path: "a file") { $0 == name ? wrong : tensors[$0]! }
            }
        }
    }
}
