import Domain

/// Events in the order of a log: users of very different activity, clusters by Zipf's law, and in part by what came
/// before, so that some transitions are frequent and most are rare.
struct DrawnEvents {
    static let clusters = 1_000
    static let items = 100_000
    static let endsAt: Int64 = 1_767_225_600_000_000
    private static let days: Int64 = 180

    var users: [Int32] = []
    var items: [Int32] = []
    var times: [Int64] = []

    init(_ count: Int, users userCount: Int, seed: UInt64) {
        var draw = SeededGenerator(seed: seed)
        var sum = 0.0
        let shares = (1...DrawnEvents.clusters).map { rank in
            sum += 1 / Double(rank)
            return sum
        }
        func popular() -> Int32 {
            let wanted = draw.uniform() * sum
            var low = 0, high = shares.count - 1
            while low < high {
                let middle = (low + high) / 2
                if shares[middle] < wanted { low = middle + 1 } else { high = middle }
            }
            return Int32(low)
        }
        var last = (0..<userCount).map { _ in popular() }
        let span = DrawnEvents.days * 86_400_000_000
        users.reserveCapacity(count)
        items.reserveCapacity(count)
        times.reserveCapacity(count)
        for event in 0..<count {
            // Half of all events are of a tenth of the users.
            let user = draw.below(2) == 0 ? draw.below(userCount) : draw.below(userCount / 10)
            let lot = draw.uniform()
            if lot < 0.3 {
                last[user] = (last[user] * 37 + Int32(draw.below(4)) * 11 + 5) % Int32(DrawnEvents.clusters)
            } else if lot < 0.85 {
                last[user] = popular()
            }
            users.append(Int32(user))
            items.append(
                last[user] + Int32(DrawnEvents.clusters * draw.below(DrawnEvents.items / DrawnEvents.clusters)))
            times.append(DrawnEvents.endsAt - span + span / Int64(count) * Int64(event))
        }
    }

    static func cluster(_ item: Int32) -> Int32 { item % Int32(clusters) }

    /// Clusters and times user by user, and where each user's begin.
    func byUser(_ userCount: Int) -> (clusters: [Int32], times: [Int64], starts: [Int]) {
        var starts = [Int](repeating: 0, count: userCount + 1)
        for user in users { starts[Int(user) + 1] += 1 }
        for user in 0..<userCount { starts[user + 1] += starts[user] }
        var next = starts
        var clusters = [Int32](repeating: 0, count: users.count), ordered = [Int64](repeating: 0, count: users.count)
        for (event, user) in users.enumerated() {
            clusters[next[Int(user)]] = DrawnEvents.cluster(items[event])
            ordered[next[Int(user)]] = times[event]
            next[Int(user)] += 1
        }
        return (clusters, ordered, starts)
    }
}
