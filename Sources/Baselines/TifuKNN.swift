import Domain
import Tensors

/// How often one had each item, later baskets and groups of baskets for more, blended with the same of the users who are
/// most alike.
///
/// Baskets are counted back from the newest in groups of `groupSize`; a basket weighs
/// `basketDecay^(place in its group) · groupDecay^(group) / groupSize / groups`. The score is
/// `ownShare · own vector + (1 - ownShare) · mean vector of the neighbours` (Euclidean distance, all users).
///
/// Source: Hu et al. 2020 (TIFU-KNN), arXiv:2006.00556. Departure: the oldest group, which may be short, is divided by
/// `groupSize` as the others are.
package struct TifuKNN: Recommender {
    package struct Settings: Sendable {
        package var neighbours = 300
        package var groupSize = 7
        package var basketDecay = 0.9
        package var groupDecay = 0.7
        package var ownShare: Float = 0.7

        package init() {}
    }

    package let name = "TIFU-KNN"
    package var items: Int { popular.items }
    private let settings: Settings
    private let popular: PopularItems
    /// `[users, N]`, and turned around.
    private let vectors: SparseRows
    private let users: SparseRows
    /// `[users]`: squared lengths.
    private let lengths: [Float]

    package init(_ log: SessionLog, popular: PopularItems, settings: Settings = Settings()) {
        self.settings = settings
        self.popular = popular
        var vectors = SparseRows()
        for history in log.histories { vectors.append(Self.vector(history, settings)) }
        self.vectors = vectors
        users = vectors.transposed(columns: log.items)
        lengths = (0..<vectors.rows).map { row in
            vectors.range(row).reduce(0) { $0 + vectors.value[$1] * vectors.value[$1] }
        }
    }

    package func score(_ asker: Asker, wish: Wish, into scores: Floats) {
        var own = SparseRows()
        own.append(Self.vector(asker.history, settings))
        popular.write(into: scores, times: 1e-12)
        for entry in own.range(0) { scores[Int(own.column[entry])] += settings.ownShare * own.value[entry] }
        let neighbours = neighbours(of: own, but: asker.place)
        let share = (1 - settings.ownShare) / Float(max(1, neighbours.count))
        for user in neighbours {
            for entry in vectors.range(Int(user)) {
                scores[Int(vectors.column[entry])] += share * vectors.value[entry]
            }
        }
    }

    /// Nearest first; the asker's own length is the same for all and left out.
    private func neighbours(of own: SparseRows, but place: Int?) -> [Int32] {
        let nearness = FloatBuffer(vectors.rows)
        for entry in own.range(0) {
            for user in users.range(Int(own.column[entry])) {
                nearness.pointer[Int(users.column[user])] += 2 * own.value[entry] * users.value[user]
            }
        }
        for user in 0..<vectors.rows { nearness.pointer[user] -= lengths[user] }
        if let place { nearness.pointer[place] = -.infinity }
        return highest(nearness.pointer, count: vectors.rows, kept: settings.neighbours)
    }

    private static func vector(_ history: TokenHistory, _ settings: Settings) -> [(column: Int32, value: Float)] {
        var basket: [Int] = []
        for (i, session) in history.sessions.enumerated() {
            // Sessions that began at one instant, on several scenes, are one basket.
            let isNext = i > 0 && session.startsAt != history.sessions[i - 1].startsAt
            basket.append((basket.last ?? 0) + (isNext ? 1 : 0))
        }
        let count = (basket.last ?? -1) + 1, m = settings.groupSize, groups = (count + m - 1) / m
        var vector: [(column: Int32, value: Float)] = [], place = 0
        history.forEachSession { _, rows in
            let back = count - 1 - basket[place]
            place += 1
            let decay = power(settings.basketDecay, back % m) * power(settings.groupDecay, back / m)
            let weight = Float(decay / Double(m) / Double(groups))
            for row in rows { vector.append((row, weight)) }
        }
        return vector
    }

    private static func power(_ base: Double, _ exponent: Int) -> Double {
        (0..<exponent).reduce(1) { result, _ in result * base }
    }
}
