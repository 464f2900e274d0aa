import Clusters
import Domain
import Tensors
import Testing

@Suite struct LevelTrainingTests {
    private let rows = FloatBuffer(512 * 2)
    private var training: LevelTraining {
        LevelTraining(rows.pointer, count: 400, width: 2, pool: WorkerPool(workers: 2))
    }

    /// Four heaps of a hundred rows, at the corners of a square.
    init() {
        var draw = SeededGenerator(seed: 30)
        for row in 0..<400 {
            rows.pointer[2 * row] = Float(row % 2) + Float(draw.uniform()) * 0.1
            rows.pointer[2 * row + 1] = Float(row / 2 % 2) + Float(draw.uniform()) * 0.1
        }
    }

    private func corners(_ centroids: [Float]) -> Set<[Int]> {
        Set(
            (0..<centroids.count / 2).map {
                [Int((centroids[2 * $0]).rounded()), Int(centroids[2 * $0 + 1].rounded())]
            })
    }

    @Test func emptyCentroidsMoveToTheFarthestRows() {
        var draw = SeededGenerator(seed: 31)
        let found = training.centroids(4, from: [0, 0, 9, 9, 9, 9, 9, 9], rounds: 20, draw: &draw)
        #expect(corners(found) == [[0, 0], [0, 1], [1, 0], [1, 1]])
    }

    @Test func seedsLieApart() {
        let apart = (0..<20 as Range<UInt64>).count { seed in
            var draw = SeededGenerator(seed: seed)
            return corners(training.centroids(4, from: nil, rounds: 0, draw: &draw)).count == 4
        }
        #expect(apart >= 17, "four rows drawn evenly lie in four heaps about twice in twenty times")
    }

    @Test func moreCentroidsThanRowsLeaveNoneThatIsNotFinite() {
        var draw = SeededGenerator(seed: 32)
        let few = LevelTraining(rows.pointer, count: 3, width: 2, pool: WorkerPool(workers: 1))
        let found = few.centroids(10, from: nil, rounds: 5, draw: &draw)
        #expect(found.count == 20 && found.allSatisfy { $0.isFinite })
    }
}
