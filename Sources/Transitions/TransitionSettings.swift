/// What is counted, over which time, and how much of it is kept.
package struct TransitionSettings: Equatable, Sendable {
    /// The longest key: how many of a user's last clusters speak for the next one.
    package var keyLength: Int
    /// Occurrences of this many days up to the as-of instant count; 0 = all.
    package var windowDays: Int
    /// An occurrence of this age weighs half as much as one of today; 0 = all weigh the same.
    package var halfLifeDays: Int
    /// The length of the two adjacent periods whose shares make a trend.
    package var trendDays: Int
    /// How many successors of the longest keys are kept, and of all keys a lookup has exactly.
    package var successors: Int
    /// Churn is measured against the tables as of so many days ago.
    package var lags: [Int]

    package init(
        keyLength: Int = 2, windowDays: Int = 0, halfLifeDays: Int = 90, trendDays: Int = 30, successors: Int = 20,
        lags: [Int] = [1, 7, 30]
    ) {
        self.keyLength = keyLength
        self.windowDays = windowDays
        self.halfLifeDays = halfLifeDays
        self.trendDays = trendDays
        self.successors = successors
        self.lags = lags
    }

    /// How many successors a key of a length keeps: shorter keys more, so that a lookup which has all of a longer key's
    /// and needs as many again finds them, whatever it has taken before.
    package func successors(ofKey length: Int) -> Int {
        let doublings = keyLength - length
        return successors << doublings + keyLength * ((1 << doublings) - 1)
    }

    /// Refuses what cannot be counted, with the range that can.
    package func check() throws(TransitionError) {
        try TransitionSettings.check("key length", keyLength, 1...TransitionKey.longest)
        try TransitionSettings.check("window in days", windowDays, 0...36_500)
        try TransitionSettings.check("half-life in days", halfLifeDays, 0...36_500)
        try TransitionSettings.check("trend in days", trendDays, 1...3_650)
        try TransitionSettings.check("successors per key", successors, 1...TransitionKey.mostClusters)
        guard lags.count <= 8 else { throw .tooManyLags(found: lags.count, most: 8) }
        for lag in lags { try TransitionSettings.check("lag in days", lag, 1...3_650) }
        for (place, lag) in lags.enumerated().dropFirst() where lag <= lags[place - 1] {
            throw .lagsOutOfOrder(lags)
        }
    }

    private static func check(_ name: String, _ value: Int, _ allowed: ClosedRange<Int>) throws(TransitionError) {
        guard allowed.contains(value) else { throw .badSetting(name: name, value: value, allowed: allowed) }
    }
}

/// Why transitions cannot be counted. In every case the current release still serves.
package enum TransitionError: Error, Equatable, Sendable, CustomStringConvertible {
    case badSetting(name: String, value: Int, allowed: ClosedRange<Int>)
    case tooManyLags(found: Int, most: Int)
    case lagsOutOfOrder([Int])
    case tooManyClusters(found: Int, keyLength: Int, most: Int)

    package var description: String {
        switch self {
        case .badSetting(let name, let value, let allowed):
            "the \(name) is \(value); choose one from \(allowed.lowerBound) to \(allowed.upperBound)"
        case .tooManyLags(let found, let most):
            "churn is asked for at \(found) lags; name \(most) at most"
        case .lagsOutOfOrder(let lags):
            "the lags \(lags.map(String.init).joined(separator: ", ")) do not rise; name each once, the shortest first"
        case .tooManyClusters(let found, let keyLength, let most):
            "\(found) clusters are too many for keys of \(keyLength); use \(most) at most, shorter keys, or a window"
        }
    }
}
