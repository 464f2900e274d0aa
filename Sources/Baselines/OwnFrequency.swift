import Domain
import Tensors

/// Again what one had before: in how many of one's own sessions each item was, later ones for more; then what is popular.
package struct OwnFrequency: Recommender {
    package let name = "own frequency"
    package var items: Int { popular.items }
    private let popular: PopularItems
    private let halfLife: Double

    /// - Parameter halfLife: days in which a session loses half its weight.
    package init(_ popular: PopularItems, halfLife: Double = 120) {
        self.popular = popular
        self.halfLife = halfLife
    }

    package func score(_ asker: Asker, wish: Wish, into scores: Floats) {
        // Below what a session of ten half-lives ago weighs.
        popular.write(into: scores, times: 1e-3 / popular.highest)
        for (row, weight) in asker.agedItems(halfLife: halfLife) { scores[Int(row)] += weight }
    }
}
