import Domain
import Model
import Tensors

/// A model with drawn weights, and histories of as many tokens as were asked for: the peer's sequences have the same number, and
/// a query at the first of each session.
struct DrawnShop {
    static let now: Int64 = 1_760_000_000
    let parameters: ModelParameters
    let vectors: ItemVectors
    private let shape: Shape

    init(_ shape: Shape) {
        self.shape = shape
        parameters = ModelParameters(
            ModelSettings(
                items: shape.items, categories: 1, sellers: 1, scenes: 1, width: shape.width, heads: shape.heads,
                blocks: shape.blocks, horizons: 1), seed: 1)
        let none = [Int32](repeating: 0, count: shape.items)
        vectors = ItemVectors(all: parameters, category: none, seller: none)
    }

    /// Sessions of equal length, hours to days apart.
    func history(_ user: Int) -> TokenHistory {
        var draw = SeededGenerator(seed: 1, stream: 0x5409, UInt64(user)), history = TokenHistory(), left = shape.tokens
        var time = Self.now - 40 * 86_400
        while left > 0 {
            time += 3600 + Int64(draw.below(80_000))
            let items = (1..<max(1, min(left, shape.session))).map { _ in
                (row: Int32(draw.below(shape.items)), action: UInt8(draw.below(4)))
            }
            history.append(startsAt: time, scene: 0, items: items)
            left -= 1 + items.count
        }
        return history
    }
}
