import Domain
import Safetensors

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// What users popularly go on to: for each item, what was in the sessions after those with it, and what everybody has of late.
///
/// The model reads the best of it for a user as a session of extra tokens (the preference anchors of OnePiece,
/// arXiv:2509.18091, from transitions as Google's cluster transitions are counted).
package struct AnchorTable: Equatable, Sendable {
    /// `V`.
    package let items: Int
    /// Epoch seconds at which a session counts one; before it less, and after it more, so that counts need no scaling with time.
    package let asOf: Int64
    /// By item: successors, ascending, and what they weigh.
    private var successors: [[Int32]]
    private var weights: [[Float]]
    /// By item: what the sessions weigh that came after one with it.
    private var followed: [Float]
    /// By item: what the sessions of late weigh that held it. As it is in an artifact, only ``popular`` is left of it.
    private var recent: [Float]
    /// The most popular of late, best first, when last asked for.
    private var popular: [Int32] = []

    /// Successors of an item that are kept; while counting, up to four times as many.
    private static let mostSuccessors = 64
    private static let mostPopular = 1024
    private static let successorHalfLife = 60.0 * 86_400
    private static let popularHalfLife = 14.0 * 86_400
    /// A successor's share of an item's sessions is held against this many sessions more without it, lest one session speak.
    private static let doubt: Float = 5

    package init(items: Int, asOf: Int64) {
        self.items = items
        self.asOf = asOf
        successors = Array(repeating: [], count: items)
        weights = Array(repeating: [], count: items)
        followed = Array(repeating: 0, count: items)
        recent = Array(repeating: 0, count: items)
    }

    // MARK: - Counting

    /// Counts a session.
    ///
    /// - Parameters:
    ///   - before: rows of the user's session before; empty for the first.
    ///   - rows: each once.
    package mutating func count(_ rows: [Int32], after before: [Int32], at instant: Int64) {
        let weight = scale(instant, Self.successorHalfLife), now = scale(instant, Self.popularHalfLife)
        let rows = rows.sorted()
        for row in rows { recent[Int(row)] += now }
        for item in before {
            followed[Int(item)] += weight
            add(rows, weight, to: Int(item))
            if successors[Int(item)].count > 4 * Self.mostSuccessors { prune(Int(item)) }
        }
    }

    /// Finds what is popular, from what has been counted so far.
    package mutating func rank() {
        let had = recent.indices.filter { recent[$0] > 0 }
        popular = had.sorted { recent[$0] != recent[$1] ? recent[$0] > recent[$1] : $0 < $1 }.prefix(Self.mostPopular)
            .map { Int32($0) }
    }

    /// Leaves what an artifact holds. Nothing can be counted after.
    package mutating func finish() {
        rank()
        for item in successors.indices { prune(item) }
        recent = []
    }

    private func scale(_ instant: Int64, _ halfLife: Double) -> Float {
        Float(exp2(Double(instant - asOf) / halfLife))
    }

    /// Merges, as both are ascending.
    private mutating func add(_ rows: [Int32], _ weight: Float, to item: Int) {
        let (old, oldWeights) = (successors[item], weights[item])
        var merged: [Int32] = [], values: [Float] = [], next = 0
        merged.reserveCapacity(old.count + rows.count)
        values.reserveCapacity(old.count + rows.count)
        for (i, row) in old.enumerated() {
            while next < rows.count, rows[next] < row {
                merged.append(rows[next])
                values.append(weight)
                next += 1
            }
            let isSame = next < rows.count && rows[next] == row
            merged.append(row)
            values.append(oldWeights[i] + (isSame ? weight : 0))
            if isSame { next += 1 }
        }
        merged += rows[next...]
        values += repeatElement(weight, count: rows.count - next)
        (successors[item], weights[item]) = (merged, values)
    }

    private mutating func prune(_ item: Int) {
        let (rows, values) = (successors[item], weights[item])
        guard rows.count > Self.mostSuccessors else { return }
        let kept = rows.indices.sorted { values[$0] != values[$1] ? values[$0] > values[$1] : $0 < $1 }
            .prefix(Self.mostSuccessors).sorted()
        successors[item] = kept.map { rows[$0] }
        weights[item] = kept.map { values[$0] }
    }

    // MARK: - Finding

    /// What a lookup needs room for; one for each that is at work.
    package struct Scores {
        fileprivate var sums: [Float] = []
        fileprivate var touched: [Int32] = []

        package init() {}
    }

    /// The best `count` items to go on to that the user has not had: by their share of what came after each item of the last
    /// session, then the most popular.
    ///
    /// - Parameters:
    ///   - history: up to the moment in question.
    ///   - instant: that moment, in epoch seconds; at most ``asOf``.
    package func anchors(_ count: Int, after history: TokenHistory, at instant: Int64, _ scores: inout Scores)
        -> [Int32]
    {
        let had = Set(history.rows)
        if scores.sums.isEmpty { scores.sums = Array(repeating: 0, count: items) }
        let doubt = Self.doubt * scale(instant, Self.successorHalfLife)
        for item in history.lastSession {
            let whole = followed[Int(item)] + doubt
            for (row, weight) in zip(successors[Int(item)], weights[Int(item)]) where !had.contains(row) {
                if scores.sums[Int(row)] == 0 { scores.touched.append(row) }
                scores.sums[Int(row)] += weight / whole
            }
        }
        var best: [Int32] = []
        for row in scores.touched {
            let score = scores.sums[Int(row)]
            func isBehind(_ other: Int32) -> Bool {
                let its = scores.sums[Int(other)]
                return its != score ? its < score : other > row
            }
            guard best.count < count || isBehind(best[best.count - 1]) else { continue }
            best.insert(row, at: best.firstIndex(where: isBehind) ?? best.count)
            if best.count > count { best.removeLast() }
        }
        for row in scores.touched { scores.sums[Int(row)] = 0 }
        scores.touched.removeAll(keepingCapacity: true)
        for row in popular where best.count < count && !had.contains(row) && !best.contains(row) { best.append(row) }
        return best
    }

    // MARK: - In an artifact

    package var tensors: [String: StoredTensor] {
        func stored(_ values: [Float]) -> StoredTensor {
            values.withUnsafeBufferPointer { StoredTensor(floats: $0, shape: [values.count]) }
        }
        var ends: [Int64] = []
        for rows in successors { ends.append((ends.last ?? 0) + Int64(rows.count)) }
        return [
            "as_of": StoredTensor([asOf]), "ends": StoredTensor(ends),
            "items": StoredTensor(successors.flatMap(\.self)),
            "weights": stored(weights.flatMap(\.self)), "followed": stored(followed), "popular": StoredTensor(popular),
        ]
    }

    /// - Parameter tensor: by the names of ``tensors``.
    package init(
        items: Int, path: String, tensor: (String) throws(SafetensorsError) -> StoredTensor
    ) throws(SafetensorsError) {
        let asOf = try tensor("as_of").array(of: Int64.self)
        let ends = try tensor("ends").array(of: Int64.self).map { Int($0) }
        let rows = try tensor("items").array(of: Int32.self), values = try tensor("weights").array(of: Float.self)
        let followed = try tensor("followed").array(of: Float.self)
        let popular = try tensor("popular").array(of: Int32.self)
        let starts = [0] + ends
        guard asOf.count == 1, ends.count == items, zip(starts, ends).allSatisfy({ $0 <= $1 }),
            starts[starts.count - 1] == rows.count, values.count == rows.count, followed.count == items,
            (rows + popular).allSatisfy({ 0 <= $0 && $0 < items }),
            (values + followed).allSatisfy({ $0.isFinite && $0 >= 0 })
        else { throw .damaged(path: path, reason: "its anchors do not fit its items") }
        self.init(items: items, asOf: asOf[0])
        for (item, range) in zip(starts, ends).enumerated() {
            successors[item] = Array(rows[range.0..<range.1])
            weights[item] = Array(values[range.0..<range.1])
        }
        self.followed = followed
        self.popular = popular
        recent = []
    }
}

extension TokenHistory {
    /// What the user had in the last session that is one: no impressions.
    fileprivate var lastSession: [Int32] {
        var end = rows.count
        for head in sessions.reversed() {
            let items = end - Int(head.items)..<end
            end = items.lowerBound
            guard !head.isLifelong else { break }
            let engaged = items.filter { actions[$0] > Action.impression.rawValue }.map { rows[$0] }
            if !engaged.isEmpty { return engaged }
        }
        return []
    }

    /// With a session of anchors before the one of this number, or behind all: of the same time as the session before it, so that
    /// the time to the next is told as it is without.
    ///
    /// - Parameter scene: what tells it from sessions of the user's (``ModelSettings/anchorScene``).
    package func withAnchors(_ anchors: some Collection<Int32>, scene: Int32, before number: Int) -> TokenHistory {
        guard !anchors.isEmpty else { return self }
        var history = prefix(number)
        let time = (number > 0 ? sessions[number - 1] : sessions.first)?.startsAt ?? 0
        let known = history.rows.count
        history.append(
            startsAt: time, scene: scene, items: anchors.map { (row: $0, action: Action.impression.rawValue) })
        history.append(
            TokenHistory(
                sessions: Array(sessions[number...]), rows: Array(rows[known...]), actions: Array(actions[known...])))
        return history
    }
}
