import Domain
import ResultCodec

/// Seeded ranked lists of many kinds, for tests that must hold for all of them.
struct DrawnList {
    /// How large rows get.
    enum Rows: CaseIterable {
        case small, popular, anyInt32, anyUInt32, inSequence
    }

    /// How scores lie.
    enum Scores: CaseIterable {
        case positive, aroundZero, negative, equal, tiny, huge
    }

    var random: SeededGenerator

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    mutating func draw(_ count: Int) -> [Candidate] {
        draw(
            count, rows: Rows.allCases[random.below(Rows.allCases.count)],
            scores: Scores.allCases[random.below(Scores.allCases.count)])
    }

    mutating func draw(_ count: Int, rows: Rows, scores: Scores) -> [Candidate] {
        var seen: Set<UInt32> = []
        var list: [Candidate] = []
        for score in drawScores(count, scores) {
            var row = drawRow(rows, index: list.count, count: count)
            while !seen.insert(row).inserted { row = drawRow(rows, index: list.count, count: count) }
            let source = CandidateSource.allCases[random.below(CandidateSource.allCases.count)]
            list.append(Candidate(row: row, score: score, source: source))
        }
        return list
    }

    private mutating func drawRow(_ rows: Rows, index: Int, count: Int) -> UInt32 {
        switch rows {
        case .small: return UInt32(random.below(max(250, 4 * count)))
        case .popular:
            let uniform = random.uniform()
            return UInt32(uniform * uniform * uniform * 20_000_000)
        case .anyInt32: return UInt32(random.below(1 << 31))
        case .anyUInt32: return index == 0 ? UInt32.max : UInt32(random.below(1 << 32))
        case .inSequence: return UInt32(7 + 3 * index)
        }
    }

    private mutating func drawScores(_ count: Int, _ scores: Scores) -> [Float] {
        let drawn: [Float] = (0..<count).map { _ in
            let uniform = Float(random.uniform())
            return switch scores {
            case .positive: uniform * 8
            case .aroundZero: uniform - 0.5
            case .negative: -uniform * 100 - 1
            case .equal: 0.25
            case .tiny: (uniform - 0.5) * 0x1p-20
            case .huge: (uniform - 0.5) * 2 * 65504
            }
        }
        return drawn.sorted(by: >)
    }
}

/// The list as a payload gives it back: scores as the nearest float16.
func rounded(_ list: [Candidate]) -> [Candidate] {
    list.map { Candidate(row: $0.row, score: Float(Float16($0.score)), source: $0.source) }
}

/// Where two lists part, nil where they do not: for long lists, whose whole difference a failing test would take minutes
/// to find.
func firstDifference(_ a: [Candidate], _ b: [Candidate]) -> Int? {
    if let index = zip(a, b).enumerated().first(where: { $1.0 != $1.1 })?.offset { return index }
    return a.count == b.count ? nil : min(a.count, b.count)
}

extension DrawnList {
    /// A list in sequence.
    static let `default`: [Candidate] = {
        var drawn = DrawnList(seed: 99)
        return drawn.draw(300, rows: .inSequence, scores: .aroundZero)
    }()
}

extension PayloadDictionary {
    /// The planes of one list, for tests of every codec; drawn lists in sequence share parts of them.
    static let drawn = PayloadDictionary(Array(try! PayloadEncoder.encode(DrawnList.default, codec: .planes)[12...]))
}
