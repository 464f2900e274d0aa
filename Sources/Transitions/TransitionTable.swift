/// A cluster that comes next after a key.
package struct TransitionSuccessor: Equatable, Sendable {
    package var cluster: Int32
    /// Smoothed; over all clusters outside the key they sum to one.
    package var probability: Float
    /// Times that it was seen, each counted as one.
    package var support: Int
    /// Its share of the key's occurrences in the last days less that in as many days before.
    package var trend: Float
}

/// For every key that was seen: the clusters that most often come next, most probable first.
///
/// Kept are successors that were seen after the very key. What a shorter key would say of the others is one factor
/// away, ``Row/backOff``, as in language models (ARPA files), so that rows of rare keys stay short.
package struct TransitionTable: Sendable {
    package struct Row: Equatable, Sendable {
        package var key: TransitionKey
        /// Times that the key was seen with a novel next cluster.
        package var support: Int
        /// The probability after this key of a cluster that was not seen there, by its probability after the key
        /// without its oldest cluster; for everybody by `1/C`.
        package var backOff: Double
        package var successors: [TransitionSuccessor]
    }

    package let settings: TransitionSettings
    package let clusters: Int
    package let scene: Int32?
    private(set) var keys: [Int64] = []
    private var ends: [Int] = []
    private var supports: [UInt32] = []
    private var backOffs: [Double] = []
    private var nextClusters: [UInt16] = []
    private var probabilities: [Float] = []
    private var nextSupports: [UInt32] = []
    private var trends: [Float] = []

    init(settings: TransitionSettings, clusters: Int, scene: Int32?) {
        self.settings = settings
        self.clusters = clusters
        self.scene = scene
    }

    /// How many keys there are.
    package var count: Int { keys.count }

    /// By place, in the order of keys.
    package subscript(place: Int) -> Row {
        Row(
            key: TransitionKey(rawValue: keys[place]), support: Int(supports[place]), backOff: backOffs[place],
            successors: range(place).map(successor))
    }

    package func row(_ key: TransitionKey) -> Row? { place(of: key).map { self[$0] } }

    /// Where a key stands, by bisection.
    func place(of key: TransitionKey) -> Int? {
        var low = 0, high = keys.count
        while low < high {
            let middle = (low + high) / 2
            if keys[middle] < key.rawValue { low = middle + 1 } else { high = middle }
        }
        return low < keys.count && keys[low] == key.rawValue ? low : nil
    }

    func range(_ place: Int) -> Range<Int> { (place == 0 ? 0 : ends[place - 1])..<ends[place] }
    func support(_ place: Int) -> Int { Int(supports[place]) }
    func backOff(_ place: Int) -> Double { backOffs[place] }

    func successor(_ place: Int) -> TransitionSuccessor {
        TransitionSuccessor(
            cluster: Int32(nextClusters[place]), probability: probabilities[place], support: Int(nextSupports[place]),
            trend: trends[place])
    }

    mutating func append(_ row: Row) {
        keys.append(row.key.rawValue)
        supports.append(UInt32(clamping: row.support))
        backOffs.append(row.backOff)
        for next in row.successors {
            nextClusters.append(UInt16(next.cluster))
            probabilities.append(next.probability)
            nextSupports.append(UInt32(clamping: next.support))
            trends.append(next.trend)
        }
        ends.append(nextClusters.count)
    }

    /// The rows in the order of keys.
    func sorted() -> TransitionTable {
        var table = TransitionTable(settings: settings, clusters: clusters, scene: scene)
        for place in keys.indices.sorted(by: { keys[$0] < keys[$1] }) { table.append(self[place]) }
        return table
    }
}
