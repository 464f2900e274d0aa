import Foundation

/// How long a run may go on, how long it may stand still, and how much memory it may take.
package struct RunLimits {
    /// Nothing goes on after it.
    var deadline: Date?
    /// Without any progress.
    var stall: Age?
    var memoryBytes: Int?

    init(_ settings: Settings, now: Date = .now) {
        deadline = Self.deadline(settings.text("deadline"), after: now)
        stall = Age(settings.text("stall"))
        memoryBytes = settings.int("max-memory") > 0 ? settings.int("max-memory") << 20 : nil
    }

    /// - Parameter text: a time of day in UTC (`05:30`: the next one), a length of time (`2h`), or an instant in ISO 8601.
    package static func deadline(_ text: String, after now: Date) -> Date? {
        if let age = Age(text) { return now.addingTimeInterval(age.seconds) }
        if let day = timeOfDay(text) {
            let midnight = (now.timeIntervalSince1970 / 86_400).rounded(.down) * 86_400
            let today = Date(timeIntervalSince1970: midnight + day)
            return today > now ? today : today.addingTimeInterval(86_400)
        }
        return try? Date(text, strategy: .iso8601)
    }

    /// Seconds after midnight.
    private static func timeOfDay(_ text: String) -> Double? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard text.count == 5, parts.count == 2, let hour = Int(parts[0]), let minute = Int(parts[1]),
            (0..<24).contains(hour), (0..<60).contains(minute)
        else { return nil }
        return Double(hour * 3600 + minute * 60)
    }
}

/// A run was ended before it was done; what it has stored stays, for the next one to go on with.
package enum LimitReached: Error, Equatable, CustomStringConvertible {
    case deadline(String)
    case stalled(stage: String, limit: String)
    case memory(mebibytes: Int, limit: Int)

    package var description: String {
        switch self {
        case .deadline(let instant):
            "the deadline \(instant) has passed; run the same command again to go on, with a later --deadline"
        case .stalled(let stage, let limit):
            "nothing has moved for \(limit) while \(stage); what every thread and session was at is in the log. "
                + "Run the same command again to go on"
        case .memory(let mebibytes, let limit):
            "the process took \(mebibytes) MiB, more than --max-memory \(limit); run again with more, "
                + "or with fewer threads, fewer shard-users or a smaller counting-mebibytes"
        }
    }
}
