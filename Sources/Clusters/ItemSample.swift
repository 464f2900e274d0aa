import Domain
import Tensors

/// The items that centroids are learned from: drawn evenly, as unit rows in the order of the catalogue.
final class ItemSample {
    private let rows: FloatBuffer
    private let count: Int
    private let D: Int
    /// `[count]`: the place of each row in the catalogue.
    private var items: [Int] = []

    init(_ vectors: UnsafePointer<Float>, count: Int, width D: Int, settings: SemanticSettings) {
        self.D = D
        let wanted = min(settings.sampleCount, count)
        let tiles = (wanted + CentroidTable.tile - 1) / CentroidTable.tile
        rows = FloatBuffer(tiles * CentroidTable.tile * D)
        var draw = SeededGenerator(seed: settings.seed, stream: 0xc1)
        var taken = 0, kept = 0
        for item in 0..<count where draw.below(count - item) < wanted - taken {
            taken += 1
            let isFinite = UnitRows.copy(vectors + item * D, width: D, into: rows.pointer + kept * D)
            guard isFinite else { continue }
            items.append(item)
            kept += 1
        }
        self.count = kept
    }

    /// What learning begins with.
    enum Start {
        case seeds
        case centroids([[Float]])
        /// Where the items are now that shared a centroid: `[levels][items]`, -1 for an item without one.
        case items([[Int32]])
    }

    /// The centroids of all levels, each learned from what the ones before leave. Uses the sample up.
    ///
    /// - Parameter warmRounds: for levels that begin with more than seeds.
    func learn(
        _ settings: SemanticSettings, from start: Start, warmRounds: Int, pool: WorkerPool
    ) -> [[Float]] {
        let training = LevelTraining(rows.pointer, count: count, width: D, pool: pool)
        return settings.sizes.enumerated().map { level, size in
            var draw = SeededGenerator(seed: settings.seed, stream: 0xc2, UInt64(level))
            var first: [Float]?
            switch start {
            case .seeds: first = nil
            case .centroids(let centroids): first = centroids[level]
            case .items(let digits) where level < digits.count:
                first = training.means(items.map { digits[level][$0] }, size, draw: &draw)
            case .items: first = nil
            }
            let rounds = first == nil ? settings.rounds : warmRounds
            let centroids = training.centroids(size, from: first, rounds: rounds, draw: &draw)
            training.subtract(centroids)
            return centroids
        }
    }
}
