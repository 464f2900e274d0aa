import Tensors

/// Moves items out of clusters that hold too many, to the nearest cluster with room.
///
/// Those that lose least by it are moved. The cap holds exactly afterwards, whatever the vectors are; items that are
/// all alike are cut apart in the order of their rows.
struct Balance {
    /// Items that a cluster may hold.
    let capacity: Int
    private let table: CentroidTable
    private let vectors: UnsafePointer<Float>
    private let D: Int
    private let pool: WorkerPool
    private var sizes: [Int]

    /// - Parameters:
    ///   - places: `[prefixes, D]`, the sum of the centroids along each prefix.
    ///   - mostShare: of the items with a prefix; where fewer than one of each prefix's even share would fit, that.
    init(
        _ vectors: UnsafePointer<Float>, width D: Int, places: [Float], mostShare: Double, prefixes: [Int32],
        pool: WorkerPool
    ) {
        self.vectors = vectors
        self.D = D
        self.pool = pool
        table = CentroidTable(places, width: D)
        sizes = [Int](repeating: 0, count: table.size)
        for prefix in prefixes where prefix >= 0 { sizes[Int(prefix)] += 1 }
        let items = sizes.reduce(0, +)
        capacity = max(Int(mostShare * Double(items)), (items + table.size - 1) / table.size)
    }

    /// Returns how many items were moved.
    mutating func apply(to prefixes: inout [Int32]) -> Int {
        let isFull = sizes.map { $0 > capacity }
        guard isFull.contains(true) else { return 0 }
        let inFull = prefixes.indices.filter { prefixes[$0] >= 0 && isFull[Int(prefixes[$0])] }
        let loss = losses(inFull, prefixes, isFull)
        var excess = sizes.map { max(0, $0 - capacity) }
        var moved: [Int] = []
        for i in inFull.indices.sorted(by: { (loss[$0], $0) < (loss[$1], $1) }) {
            let prefix = Int(prefixes[inFull[i]])
            guard excess[prefix] > 0 else { continue }
            excess[prefix] -= 1
            moved.append(inFull[i])
        }
        for item in moved { sizes[Int(prefixes[item])] -= 1 }
        settle(moved, &prefixes)
        return moved.count
    }

    /// How much nearer each item is to its own prefix than to the best of those with room.
    private func losses(_ items: [Int], _ prefixes: [Int32], _ isFull: [Bool]) -> [Float] {
        let tiles = (items.count + CentroidTable.tile - 1) / CentroidTable.tile
        let spaces = (0..<pool.workers).map { _ in RowScores(vectors, table) }
        var losses = [Float](repeating: 0, count: items.count)
        losses.withUnsafeMutableBufferPointer { losses in
            let losses = losses
            pool.forEach(tiles) { tile, worker in
                var i = tile * CentroidTable.tile
                spaces[worker].forEach(items[i..<min(i + CentroidTable.tile, items.count)]) { item, scores in
                    var greatest = -Float.infinity
                    for k in 0..<table.size where !isFull[k] { greatest = max(greatest, scores[k]) }
                    losses[i] = scores[Int(prefixes[item])] - greatest
                    i += 1
                }
            }
        }
        return losses
    }

    /// Gives each item, in order, the nearest prefix that has room left. There is always one: all of them together hold
    /// every item.
    private mutating func settle(_ items: [Int], _ prefixes: inout [Int32]) {
        RowScores(vectors, table).forEach(items[...]) { item, scores in
            var best = -1
            for k in 0..<table.size where sizes[k] < capacity && (best < 0 || scores[k] > scores[best]) { best = k }
            sizes[best] += 1
            prefixes[item] = Int32(best)
        }
    }
}
