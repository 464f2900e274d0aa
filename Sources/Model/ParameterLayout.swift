import Tensors

/// Where each parameter lives: three tables that are updated row by row, and everything else in one dense block.
package struct ParameterLayout: Sendable {
    /// One named parameter of the dense block; names and shapes are the reference's (`tbgrecall.py`).
    package struct Entry: Sendable {
        package let name: String
        package let shape: [Int]
        package let offset: Int
        package var count: Int { shape.reduce(1, *) }
    }

    /// Offsets of one HSTU block.
    package struct Block: Sendable {
        /// `[kinds, D, 4D]`: gate, value, query, key. Two kinds (context, item) in the first block, one after it.
        package let projection: Int
        package let isTokenSpecific: Bool

        /// The projections by kind of token, `[D, 4D]` each, in the dense block that begins at `dense`.
        package func projections(_ dense: Floats, width D: Int) -> [Floats] {
            (0..<(isTokenSpecific ? 2 : 1)).map { dense + projection + $0 * 4 * D * D }
        }

        /// `[H, buckets]`.
        package let timeBias: Int
        /// `[D, D]`.
        package let output: Int
        /// `[D]`.
        package let outputBias: Int
        /// Of the mixture after the block, where there is one.
        package let experts: Experts?
    }

    /// Offsets of a mixture of experts; `F` is their inner width, the first expert the shared one.
    package struct Experts: Sendable {
        /// `[D, experts]`.
        package let router: Int
        /// `[1 + experts, D, F]` and `[1 + experts, F, D]`.
        package let inner: Int
        package let outer: Int
    }

    package private(set) var entries: [Entry] = []
    package private(set) var denseCount = 0
    package let action: Int
    package let scene: Int
    package let gap: Int
    package let hour: Int
    /// `[2, D, D]` and `[2, D]`: a linear tower for context tokens and one for item tokens.
    package let tower: Int
    package let towerBias: Int
    package let blocks: [Block]
    /// `[M, D, D]` and `[M, D]`.
    package let horizon: Int
    package let horizonBias: Int

    package init(_ s: ModelSettings) {
        var entries: [Entry] = [], end = 0
        func add(_ name: String, _ shape: Int...) -> Int {
            let entry = Entry(name: name, shape: shape, offset: end)
            entries.append(entry)
            end += entry.count
            return entry.offset
        }
        let D = s.width
        action = add("action", 4, D)
        scene = add("scene", s.sceneRows, D)
        gap = add("gap", s.timeBuckets, D)
        hour = add("hour", 168, D)
        tower = add("tower_w", 2, D, D)
        towerBias = add("tower_b", 2, D)
        func experts(_ b: Int) -> Experts? {
            guard s.experts > 0 else { return nil }
            return Experts(
                router: add("block\(b)_router", D, s.experts),
                inner: add("block\(b)_experts_in", s.experts + 1, D, s.expertWidth),
                outer: add("block\(b)_experts_out", s.experts + 1, s.expertWidth, D))
        }
        blocks = (0..<s.blocks).map { b in
            Block(
                projection: add("block\(b)_uvqk", b == 0 ? 2 : 1, D, 4 * D), isTokenSpecific: b == 0,
                timeBias: add("block\(b)_time", s.heads, s.timeBuckets), output: add("block\(b)_out_w", D, D),
                outputBias: add("block\(b)_out_b", D), experts: experts(b))
        }
        horizon = add("horizon_w", s.horizons, D, D)
        horizonBias = add("horizon_b", s.horizons, D)
        self.entries = entries
        denseCount = end
    }
}
