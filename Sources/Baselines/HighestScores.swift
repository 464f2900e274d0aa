import Tensors

/// The places of the `kept` highest scores, best first; ties go to the lower place, and `-infinity` is left out.
func highest(_ scores: Floats, count: Int, kept: Int) -> [Int32] {
    var heap = WorstFirst(kept: kept)
    for place in 0..<count where scores[place] > heap.bar { heap.take(scores[place], at: Int32(place)) }
    return heap.bestFirst
}

/// The best so far, with the worst of them on top.
private struct WorstFirst {
    private var entries: [(score: Float, place: Int32)] = []
    private let kept: Int
    /// What a score has to be above. Later places come with higher numbers, so an equal one is worse.
    private(set) var bar: Float

    init(kept: Int) {
        self.kept = kept
        bar = kept > 0 ? -.infinity : .infinity
        entries.reserveCapacity(kept)
    }

    var bestFirst: [Int32] { entries.sorted { Self.isWorse($1, $0) }.map(\.place) }

    mutating func take(_ score: Float, at place: Int32) {
        if entries.count < kept {
            entries.append((score, place))
            rise(from: entries.count - 1)
        } else {
            entries[0] = (score, place)
            sink()
        }
        if entries.count == kept { bar = entries[0].score }
    }

    private mutating func rise(from place: Int) {
        var child = place
        while child > 0, Self.isWorse(entries[child], entries[(child - 1) / 2]) {
            entries.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    private mutating func sink() {
        var parent = 0
        while true {
            var worst = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < entries.count && Self.isWorse(entries[child], entries[worst]) { worst = child }
            guard worst != parent else { return }
            entries.swapAt(parent, worst)
            parent = worst
        }
    }

    private static func isWorse(_ a: (score: Float, place: Int32), _ b: (score: Float, place: Int32)) -> Bool {
        a.score != b.score ? a.score < b.score : a.place > b.place
    }
}
