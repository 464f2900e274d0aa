import Domain

/// What everybody did up to an instant, in memory: sessions of engaged items, whole, user by user.
///
/// Bounded by a budget of tokens as the corpus of training is: above it the sample of users is halved by their stable
/// hash, again and again, so that the same events give the same log.
package struct SessionLog: Sendable {
    /// `N`: item rows are below it.
    package let items: Int
    /// Epoch seconds of the instant up to which events were read; nil where every user's history ends at a time of its own.
    package let asOf: Int64?
    package private(set) var histories: [TokenHistory] = []
    /// Of each user, how many were added before, kept or not; ascending.
    private var ordinals: [Int] = []
    private var hashes: [UInt64] = []
    /// Users whose hash is above this are left out.
    private var highestHash = UInt64.max
    private let budget: Int
    private var tokens = 0
    package private(set) var usersSeen = 0

    /// Whether users with a history were left out.
    package var isSampled: Bool { highestHash < .max }

    package init(items: Int, asOf: Int64?, tokenBudget: Int = .max) {
        self.items = items
        self.asOf = asOf
        budget = tokenBudget
    }

    /// Takes the next user, and says which number it has.
    ///
    /// - Parameter history: engaged items only (``Domain/TokenHistory/engaged``).
    @discardableResult
    package mutating func add(_ history: TokenHistory, hash: UInt64 = 0) -> Int {
        usersSeen += 1
        guard hash <= highestHash, !history.rows.isEmpty else { return usersSeen - 1 }
        histories.append(history)
        ordinals.append(usersSeen - 1)
        hashes.append(hash)
        tokens += history.tokens
        while tokens > budget, histories.count > 1 { halve() }
        return usersSeen - 1
    }

    /// Where the user of this number stands in ``histories``; nil for one that was left out.
    package func place(of ordinal: Int) -> Int? {
        var low = 0, high = ordinals.count
        while low < high {
            let middle = (low + high) / 2
            if ordinals[middle] < ordinal { low = middle + 1 } else { high = middle }
        }
        return low < ordinals.count && ordinals[low] == ordinal ? low : nil
    }

    /// The instant that ages of a history are counted from, in epoch seconds.
    package func now(of history: TokenHistory) -> Int64 { asOf ?? history.sessions.last?.startsAt ?? 0 }

    private mutating func halve() {
        highestHash /= 2
        let kept = histories.indices.filter { hashes[$0] <= highestHash }
        histories = kept.map { histories[$0] }
        ordinals = kept.map { ordinals[$0] }
        hashes = kept.map { hashes[$0] }
        tokens = histories.reduce(0) { $0 + $1.tokens }
        // Equal hashes cannot be told apart, and a log of nobody is of no use.
        if highestHash == 0 { tokens = 0 }
    }
}

extension TokenHistory {
    /// The same without impressions, and without sessions of nothing else.
    package var engaged: TokenHistory {
        var engaged = TokenHistory(), begin = 0
        for session in sessions {
            let items = begin..<begin + Int(session.items)
            begin = items.upperBound
            let kept = items.filter { actions[$0] > Action.impression.rawValue }
            guard !kept.isEmpty else { continue }
            engaged.append(
                startsAt: session.startsAt, scene: session.scene,
                items: kept.map { (row: rows[$0], action: actions[$0]) }, isLifelong: session.isLifelong)
        }
        return engaged
    }

    /// Calls `body` with every session and its items, oldest first.
    package func forEachSession(_ body: (SessionHead, ArraySlice<Int32>) -> Void) {
        var begin = 0
        for session in sessions {
            body(session, rows[begin..<begin + Int(session.items)])
            begin += Int(session.items)
        }
    }
}
