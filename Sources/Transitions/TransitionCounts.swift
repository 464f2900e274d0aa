import Domain

/// What was counted, folded and in order: from here tables are made, as often as wanted.
package struct TransitionCounts: Sendable {
    let run: SortedRun
    let coding: TransitionCoding
    let ages: AgeClasses
    package let settings: TransitionSettings
    package var clusters: Int { coding.clusters }

    /// Whether counting had to go on outside memory.
    package var isOnDisk: Bool { !run.isInMemory }

    /// Calls `body` for every key and every next cluster with its raw count, keys grouped by their latest cluster.
    package func forEachCount(_ body: (TransitionKey, Int32, Int) -> Void) throws(TemporaryFileError) {
        let walk = TransitionWalk(self)
        try walk.run { level, key throws(TemporaryFileError) in
            let key = TransitionKey(key)
            for next in level.seen where level.raw(next, 0) > 0 { body(key, next, level.raw(next, 0)) }
        }
    }
}

/// Goes through all keys, those of one latest cluster together and each before the longer ones that end in it.
final class TransitionWalk {
    private let counts: TransitionCounts
    /// `[keyLength + 1]`: the sums of the key of that length which is being visited.
    let levels: [TransitionLevel]
    /// The key that is being visited, latest cluster first.
    private var key: [Int32] = []
    /// The occurrences of one latest cluster.
    private var group = RunMemory(capacity: 1 << 16)

    init(_ counts: TransitionCounts) {
        self.counts = counts
        levels = (0...counts.settings.keyLength).map { _ in
            TransitionLevel(clusters: counts.coding.clusters, ages: counts.ages)
        }
    }

    /// - Parameter body: gets a key's sums, and the key oldest cluster first; the sums of the shorter keys that it ends
    ///   in stand in ``levels``.
    func run(
        _ body: (TransitionLevel, [Int32]) throws(TemporaryFileError) -> Void
    ) throws(TemporaryFileError) {
        let coding = counts.coding
        var cursor = try counts.run.cursor()
        levels[0].clear()
        while !cursor.isAtEnd {
            levels[0].add(coding.next(cursor.code), coding.age(cursor.code), cursor.count)
            try cursor.advance()
        }
        guard !levels[0].seen.isEmpty else { return }
        try body(levels[0], [])
        cursor = try counts.run.cursor()
        while !cursor.isAtEnd {
            let latest = coding.lane(cursor.code, 0)
            group.removeAll()
            while !cursor.isAtEnd, coding.lane(cursor.code, 0) == latest {
                if group.count == group.capacity { group = RunMemory(growing: group) }
                group.append(cursor.code, cursor.count)
                try cursor.advance()
            }
            key = [Int32(latest - 1)]
            try visit(0..<group.count, body)
        }
    }

    /// Visits ``key``, whose occurrences are in `range`, and then the keys that are longer by one cluster.
    private func visit(
        _ range: Range<Int>, _ body: (TransitionLevel, [Int32]) throws(TemporaryFileError) -> Void
    ) throws(TemporaryFileError) {
        let level = levels[key.count], coding = counts.coding, codes = group.codes
        level.clear()
        // The latest cluster cannot come next, as neighbours that are equal are one.
        let older = (key.count > 1 ? Int(key[1]) : -1, key.count > 2 ? Int(key[2]) : -1)
        level.add(codes, group.counts, range, coding, outside: older)
        guard !level.seen.isEmpty else { return }
        try body(level, key.reversed())
        guard key.count < coding.keyLength else { return }
        var begin = range.lowerBound
        while begin < range.upperBound {
            let lane = coding.lane(codes[begin], key.count)
            var end = begin + 1
            while end < range.upperBound, coding.lane(codes[end], key.count) == lane { end += 1 }
            if lane > 0, !key.contains(Int32(lane - 1)) {
                key.append(Int32(lane - 1))
                try visit(begin..<end, body)
                key.removeLast()
            }
            begin = end
        }
    }
}
