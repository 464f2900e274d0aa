import Domain

/// Several users' tokens without padding, sorted by kind: first the context tokens of all users, then their item tokens.
///
/// The order makes every product contiguous: each kind has its own tower, a session reads a prefix of its user's
/// contexts and a prefix of its user's items, and the last block computes context rows only.
/// `C` contexts, `I` items, rows `0 ..< C` and `C ..< C + I`.
package struct PackedBatch: Sendable {
    /// Where a session ends whose result is asked for: the instant and scene of a request to come.
    package struct Request: Sendable {
        package var time: Int64
        package var scene: Int32

        package init(time: Int64, scene: Int32) {
            self.time = time
            self.scene = scene
        }
    }

    /// `[users + 1]`: first context row of each user.
    package private(set) var firstContext: [Int32] = [0]
    /// `[C + 1]`: first item of each session, counted from the first item of the batch.
    package private(set) var firstItem: [Int32] = [0]
    /// `[C]`: epoch seconds, scene row, bucket of the gap to the session before, hour of the week.
    package private(set) var time: [Int64] = []
    package private(set) var scene: [Int32] = []
    package private(set) var gapBucket: [Int32] = []
    package private(set) var hour: [Int32] = []
    /// `[I]`: row in the table of item embeddings that the batch is run with, and raw action.
    package var item: [Int32] = []
    package private(set) var action: [UInt8] = []
    /// `[C + I]`: a row's session as a context row, and its number within the user (for rotation).
    package private(set) var contextOfRow: [Int32] = []
    package private(set) var sessionOfRow: [Int32] = []
    /// Bucket of the time between each pair of a user's sessions, `[S, S]` per user, from ``firstPair`` on.
    package private(set) var pairBucket: [UInt8] = []
    package private(set) var firstPair: [Int] = []
    package private(set) var longest = 0

    package var users: Int { firstContext.count - 1 }
    package var contexts: Int { time.count }
    package var items: Int { item.count }
    package var rows: Int { contexts + items }

    /// - Parameters:
    ///   - histories: one per user.
    ///   - requests: empty for training; at inference one per user, each adding a last context token without items.
    package init(_ histories: some Collection<TokenHistory>, requests: [Request] = [], buckets: TimeBuckets) {
        precondition(requests.isEmpty || requests.count == histories.count, "one request per user")
        for (u, history) in histories.enumerated() {
            let begin = time.count
            for head in history.sessions { addContext(head.startsAt, head.scene, items: head.items, begin, buckets) }
            if !requests.isEmpty { addContext(requests[u].time, requests[u].scene, items: 0, begin, buckets) }
            item.append(contentsOf: history.rows)
            action.append(contentsOf: history.actions)
            firstContext.append(Int32(time.count))
            addPairs(from: begin, buckets)
        }
        contextOfRow = (0..<Int32(contexts)) + []
        for u in 0..<users {
            let begin = firstContext[u]
            sessionOfRow.append(contentsOf: (begin..<firstContext[u + 1]).map { $0 - begin })
        }
        contextOfRow.reserveCapacity(rows)
        sessionOfRow.reserveCapacity(rows)
        for c in 0..<contexts {
            let count = Int(firstItem[c + 1] - firstItem[c])
            contextOfRow.append(contentsOf: repeatElement(Int32(c), count: count))
            sessionOfRow.append(contentsOf: repeatElement(sessionOfRow[c], count: count))
        }
    }

    private mutating func addContext(
        _ startsAt: Int64, _ sceneRow: Int32, items: Int32, _ begin: Int, _ buckets: TimeBuckets
    ) {
        let gap = time.count > begin ? startsAt - time[time.count - 1] : 0
        time.append(startsAt)
        scene.append(sceneRow)
        gapBucket.append(Int32(buckets.bucket(gap)))
        let hours = startsAt / 3600 - (startsAt % 3600 < 0 ? 1 : 0)
        hour.append(Int32(((hours % 168) + 168) % 168))
        firstItem.append(firstItem[firstItem.count - 1] + items)
    }

    private mutating func addPairs(from begin: Int, _ buckets: TimeBuckets) {
        let S = time.count - begin
        longest = max(longest, S)
        firstPair.append(pairBucket.count)
        pairBucket.append(contentsOf: repeatElement(0, count: S * S))
        let first = firstPair[firstPair.count - 1]
        pairBucket.withUnsafeMutableBufferPointer { pairs in
            time.withUnsafeBufferPointer { time in
                buckets.pairs(
                    of: UnsafeBufferPointer(rebasing: time[begin...]),
                    into: UnsafeMutableBufferPointer(rebasing: pairs[first...]))
            }
        }
    }
}
