import Domain

/// A habit of all users that a model can find: after sessions about `first` and then `second`, the next is about `next`.
package struct PlantedTransition: Equatable, Sendable {
    package let first: String
    package let second: String
    package let next: String
    /// The share of sessions that follow it, where `first` and `second` are the last two distinct categories.
    package let probability: Double
}

/// The planted transitions as the simulation looks them up, by category rows.
struct TransitionTable: Sendable {
    static let probability = 0.6
    /// For each category as the second one; a shop of few categories may have fewer.
    private static let firstsPerCategory = 4

    private let nextByPair: [Int: Int]
    private let categories: Int

    init(categories: Int, seed: UInt64) {
        var random = SeededGenerator(seed: seed, stream: Stream.transitions)
        var nextByPair: [Int: Int] = [:]
        for second in 0..<categories {
            for _ in 0..<TransitionTable.firstsPerCategory {
                let first = TransitionTable.other(than: [second], of: categories, using: &random)
                let next = TransitionTable.other(than: [first, second], of: categories, using: &random)
                let key = first * categories + second
                if nextByPair[key] == nil { nextByPair[key] = next }
            }
        }
        self.nextByPair = nextByPair
        self.categories = categories
    }

    func next(after first: Int, _ second: Int) -> Int? { nextByPair[first * categories + second] }

    /// Pairs of first and second category with what follows them, in order of the pairs.
    var all: [(first: Int, second: Int, next: Int)] {
        nextByPair.keys.sorted().map { ($0 / categories, $0 % categories, nextByPair[$0]!) }
    }

    private static func other(than taken: [Int], of count: Int, using random: inout SeededGenerator) -> Int {
        while true {
            let candidate = random.below(count)
            if !taken.contains(candidate) { return candidate }
        }
    }
}
