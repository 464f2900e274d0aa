/// The ordered clusters that a user was in last, and the scene, as the one number under which a table has them.
///
/// Four lanes of 16 bits, each a number plus one, 0 = none: from the lowest up the latest cluster, the scene, the older
/// and the oldest cluster. `nearline.transition_key` in SQL.
package struct TransitionKey: Hashable, Sendable {
    package let rawValue: Int64

    package static let longest = 3
    /// Numbers go from 0 to one less.
    package static let mostClusters = 65_535
    /// The key of everybody: no cluster, no scene.
    package static let everybody = TransitionKey(rawValue: 0)

    package init(rawValue: Int64) { self.rawValue = rawValue }

    /// - Parameters:
    ///   - clusters: oldest first, ``longest`` at most.
    ///   - scene: nil where scenes are not told apart.
    package init(_ clusters: some BidirectionalCollection<Int32>, scene: Int32? = nil) {
        precondition(clusters.count <= TransitionKey.longest, "a key has \(TransitionKey.longest) clusters at most")
        var lanes = TransitionKey.lane(scene) << 16
        for (cluster, shift) in zip(clusters.reversed(), [0, 32, 48]) { lanes |= TransitionKey.lane(cluster) << shift }
        rawValue = Int64(bitPattern: lanes)
    }

    /// Oldest first.
    package var clusters: [Int32] { [48, 32, 0].compactMap(number) }
    package var scene: Int32? { number(16) }
    /// How many clusters the key has.
    package var length: Int { clusters.count }

    private func number(_ shift: Int) -> Int32? {
        let lane = UInt64(bitPattern: rawValue) >> UInt64(shift) & 0xffff
        return lane == 0 ? nil : Int32(lane) - 1
    }

    private static func lane(_ number: Int32?) -> UInt64 {
        guard let number else { return 0 }
        precondition(number >= 0 && number < mostClusters, "clusters and scenes go from 0 to \(mostClusters - 1)")
        return UInt64(number) + 1
    }
}
