/// The key of the last clusters of a user, in lanes of 16 bits from the lowest: latest, scene, older, oldest; as
/// `nearline.transition_key`.
struct TransitionKey {
    let value: Int64

    /// What comes next for everybody.
    static let everybody = TransitionKey([])

    /// - Parameter clusters: latest last, three at most.
    init(_ clusters: some BidirectionalCollection<Int>) {
        var lanes: Int64 = 0
        for (cluster, shift) in zip(clusters.reversed(), [0, 32, 48]) { lanes |= Int64(cluster + 1) << Int64(shift) }
        value = lanes
    }
}
