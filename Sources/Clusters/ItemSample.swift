import Domain
import Tensors

/// The items that centroids are learned from: drawn evenly, as unit rows in the order of the catalogue.
final class ItemSample {
    private let rows: FloatBuffer
    private let count: Int
    private let D: Int

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
            if isFinite { kept += 1 }
        }
        self.count = kept
    }

    /// The centroids of all levels, each learned from what the ones before leave. Uses the sample up.
    func learn(_ settings: SemanticSettings, from start: [[Float]]?, pool: WorkerPool) -> [[Float]] {
        let training = LevelTraining(rows.pointer, count: count, width: D, pool: pool)
        return settings.sizes.enumerated().map { level, size in
            var draw = SeededGenerator(seed: settings.seed, stream: 0xc2, UInt64(level))
            let centroids = training.centroids(
                size, from: start?[level], rounds: start == nil ? settings.rounds : settings.warmRounds, draw: &draw)
            training.subtract(centroids)
            return centroids
        }
    }
}
