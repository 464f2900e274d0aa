import Domain
import Transitions

/// Users with some structure and everything that makes counting hard: repeats, ties in time, one cluster only, none.
struct DrawnUsers {
    static let asOf: Int64 = 1_767_225_600_000_000
    static let day: Int64 = 86_400_000_000
    var users: [(clusters: [Int32], times: [Int64])] = []

    init(seed: UInt64, users count: Int, clusters: Int, days: Int, longest: Int = 14) {
        var draw = SeededGenerator(seed: seed, stream: 0xd4a3)
        for _ in 0..<count {
            var sequence: [Int32] = [], cluster = Int32(draw.below(clusters))
            for _ in 0..<draw.below(longest) {
                if draw.below(20) == 0 {
                    cluster = -1
                } else if draw.below(3) > 0 {
                    cluster = Int32(min(draw.below(clusters), draw.below(clusters)))
                } else if cluster >= 0 {
                    cluster = (cluster * 7 + 3) % Int32(clusters)
                }
                sequence.append(cluster)
            }
            // Days as such, their edges, and times within them.
            let times = sequence.map { _ in
                let age = Int64(draw.below(days)) * DrawnUsers.day + [0, 1, DrawnUsers.day - 1][draw.below(3)]
                return DrawnUsers.asOf - age
            }
            users.append((sequence, times.sorted()))
        }
    }

    func tally(
        _ settings: TransitionSettings, clusters: Int, asOf: Int64 = DrawnUsers.asOf, threads: Int = 1,
        memoryBytes: Int = 1 << 20
    ) throws -> TransitionCounts {
        let tallies = try (0..<threads).map { _ in
            try TransitionTally(
                clusters: clusters, asOf: asOf, settings: settings, space: CountingSpace(memoryBytes: memoryBytes))
        }
        for (row, user) in users.enumerated() {
            try tallies[row * 7 % threads].add(clusters: user.clusters, times: user.times)
        }
        return try TransitionTally.finish(tallies, workers: threads)
    }

    /// Counts by sets and without packing, as the definition reads.
    func expected(_ settings: TransitionSettings, asOf: Int64 = DrawnUsers.asOf) -> [Counted: Int] {
        var counts: [Counted: Int] = [:]
        for user in users {
            var steps: [(cluster: Int32, time: Int64)] = []
            for (cluster, time) in zip(user.clusters, user.times) where cluster >= 0 {
                if steps.last?.cluster != cluster { steps.append((cluster, time)) }
            }
            for t in steps.indices.dropFirst() where steps[t].time <= asOf {
                let days = Int((asOf - steps[t].time) / DrawnUsers.day)
                guard settings.windowDays == 0 || days < settings.windowDays else { continue }
                for length in 0...min(t, settings.keyLength) {
                    let key = steps[(t - length)..<t].map(\.cluster)
                    guard Set(key).count == length, !key.contains(steps[t].cluster) else { continue }
                    counts[Counted(key: TransitionKey(key), next: steps[t].cluster), default: 0] += 1
                }
            }
        }
        return counts
    }
}

/// A key and what came next.
struct Counted: Hashable {
    var key: TransitionKey
    var next: Int32
}

extension TransitionCounts {
    func all() throws -> [Counted: Int] {
        var counts: [Counted: Int] = [:]
        try forEachCount { key, next, count in counts[Counted(key: key, next: next), default: 0] += count }
        return counts
    }
}

extension TransitionTable {
    var rows: [Row] { (0..<count).map { self[$0] } }
}
