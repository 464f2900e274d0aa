import Foundation
import Histories

/// What a refresh did so far, and how long users waited for it.
struct RefreshFigures {
    private(set) var rounds = 0
    private(set) var users = 0
    private(set) var lists = 0
    private(set) var withdrawn = 0
    private(set) var delays = Delays()
    private var refused: [RefusedReason: Int] = [:]
    /// Found no room in the overlay.
    private(set) var turnedAway = 0
    /// Rows of the queue whose key is none of the source's type.
    private(set) var badKeys = 0

    mutating func add(
        users: Int, lists: Int, withdrawn: Int, turnedAway: Int, badKeys: Int, refused: RefusedRows, _ delays: Delays
    ) {
        rounds += 1
        self.users += users
        self.lists += lists
        self.withdrawn += withdrawn
        self.turnedAway += turnedAway
        self.badKeys += badKeys
        for (reason, count) in refused.counts { self.refused[reason, default: 0] += count }
        self.delays.add(delays)
    }

    /// As they stand with the run.
    var counts: [String: Int] {
        var counts = ["rounds": rounds, "users": users, "lists": lists]
        if withdrawn > 0 { counts["lists withdrawn"] = withdrawn }
        if turnedAway > 0 { counts["users without room in the overlay"] = turnedAway }
        if badKeys > 0 { counts["users with a key of another type"] = badKeys }
        if let median = delays.quantile(0.5) { counts["delay p50 ms"] = median }
        if let slow = delays.quantile(0.99) { counts["delay p99 ms"] = slow }
        for (reason, count) in refused { counts["refused: \(reason.rawValue)"] = count }
        return counts
    }
}

/// Waiting times, counted in classes that are a twentieth longer each: a service of months keeps them in no more room.
struct Delays {
    private static let growth = 1.05
    private var counts: [Int] = []

    /// - Parameter microseconds: a clock that was set back may make it negative, which counts as none.
    mutating func add(microseconds: Int64) {
        let milliseconds = max(1, Double(microseconds) / 1000)
        add(1, at: Int((log(milliseconds) / log(Self.growth)).rounded(.up)))
    }

    mutating func add(_ other: Delays) {
        for (place, count) in other.counts.enumerated() where count > 0 { add(count, at: place) }
    }

    /// Milliseconds that this share of the delays does not exceed, up to a twentieth too many; nil where there are none.
    func quantile(_ share: Double) -> Int? {
        let total = counts.reduce(0, +)
        guard total > 0 else { return nil }
        var left = Int((share * Double(total)).rounded(.up))
        for (place, count) in counts.enumerated() {
            left -= count
            if left <= 0 { return Int(pow(Self.growth, Double(place)).rounded(.up)) }
        }
        return nil
    }

    private mutating func add(_ count: Int, at place: Int) {
        while counts.count <= place { counts.append(0) }
        counts[place] += count
    }
}
