import Histories
import Interests
import Transitions

/// Which clusters came next behind each key after a cut: what expectations are judged by.
struct HeldOutTransitions: Sendable {
    /// Microseconds since 1970; what came later is held out.
    let cut: Int64
    let keyLength: Int
    private var counts: [Int64: [Int32: Int]] = [:]

    init(cut: Int64, keyLength: Int) {
        self.cut = cut
        self.keyLength = keyLength
    }

    /// Counts one user, whose next clusters are novel: none of those of their key.
    mutating func add(_ events: EngagedEvents) {
        var key: [Int32] = []
        for (cluster, time) in zip(events.clusters, events.times) where cluster >= 0 && cluster != key.last {
            if time > cut {
                for length in 1...max(1, key.count) where length <= key.count {
                    let end = key.suffix(length)
                    guard !end.contains(cluster), Set(end).count == length else { continue }
                    counts[TransitionKey(end).rawValue, default: [:]][cluster, default: 0] += 1
                }
            }
            key.append(cluster)
            if key.count > keyLength { key.removeFirst() }
        }
    }

    var all: [HeldOutNext] {
        counts.keys.sorted().flatMap { key in
            counts[key]!.sorted { $0.key < $1.key }.map { HeldOutNext(key: key, next: Int($0.key), count: $0.value) }
        }
    }
}
