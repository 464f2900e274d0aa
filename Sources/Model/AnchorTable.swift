import Domain
import Safetensors

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// Popular transitions between items: of each item, what was in the sessions that came next after one with it; and what
/// everybody has of late.
///
/// The model reads the best of it for a user as a session of extra tokens, anchors (the preference anchors of OnePiece,
/// arXiv:2509.18091, with the user's last session for the query).
package struct AnchorTable: Equatable, Sendable {
    /// `V`.
    package let items: Int
    /// Epoch seconds at which a session counts one: before it less, after it more, so that counts need no scaling day by day.
    private var base: Int64
    /// By item: successors, ascending, and what they weigh.
    private var successors: [[Int32]]
    private var weights: [[Float]]
    /// By item: what the sessions weigh that came next after one with it.
    private var support: [Float]
    /// By item: what the sessions of late weigh that held it; empty in an artifact, where only ``popular`` is left of it.
    private var recent: [Float]
    /// The most popular of late, best first, when last asked for.
    private var popular: [Int32] = []

    /// Successors of an item that are kept; while counting, up to four times as many.
    private static let mostSuccessors = 64
    private static let mostPopular = 1024
    private static let successorHalfLife = 60.0 * 86_400
    private static let popularHalfLife = 14.0 * 86_400
    /// Sessions without a successor that an item's support is smoothed by, lest a single session speak.
    private static let smoothing: Float = 5
    /// Half-lives of popularity after which ``base`` is moved up: far from where a Float overflows.
    private static let mostHalfLives = 40.0

    /// - Parameter begin: epoch seconds of the first session that will be counted, or before.
    package init(items: Int, begin: Int64) {
        self.items = items
        base = begin
        successors = Array(repeating: [], count: items)
        weights = Array(repeating: [], count: items)
        support = Array(repeating: 0, count: items)
        recent = Array(repeating: 0, count: items)
    }

    // MARK: - Counting

    /// Counts a session; sessions come in the order of time.
    ///
    /// - Parameters:
    ///   - before: rows of the user's session before; empty for the first.
    ///   - rows: each once.
    package mutating func count(_ rows: [Int32], after before: [Int32], at instant: Int64) {
        if Double(instant - base) > Self.mostHalfLives * Self.popularHalfLife { move(to: instant) }
        let weight = scale(instant, Self.successorHalfLife), now = scale(instant, Self.popularHalfLife)
        let rows = rows.sorted()
        for row in rows { recent[Int(row)] += now }
        for item in before {
            support[Int(item)] += weight
            add(rows, weight, to: Int(item))
            if successors[Int(item)].count > 4 * Self.mostSuccessors { prune(Int(item)) }
        }
    }

    /// Finds what is popular, from what has been counted so far.
    package mutating func rank() {
        // Sorted now and then, what is below the last one then being out of the question.
        var best: [Int32] = [], bar: Float = 0
        func cut() {
            best.sort { recent[Int($0)] != recent[Int($1)] ? recent[Int($0)] > recent[Int($1)] : $0 < $1 }
            guard best.count > Self.mostPopular else { return }
            best.removeLast(best.count - Self.mostPopular)
            bar = recent[Int(best[best.count - 1])]
        }
        for item in recent.indices where recent[item] > bar {
            best.append(Int32(item))
            if best.count == 4 * Self.mostPopular { cut() }
        }
        cut()
        popular = best
    }

    /// Leaves what an artifact holds. Nothing can be counted after.
    ///
    /// - Parameter asOf: epoch seconds for which lists will be made.
    package mutating func finish(at asOf: Int64) {
        rank()
        move(to: asOf)
        for item in successors.indices { prune(item) }
        recent = []
    }

    private func scale(_ instant: Int64, _ halfLife: Double) -> Float {
        Float(exp2(Double(instant - base) / halfLife))
    }

    /// What is too long ago for a Float to say has no weight any more.
    private mutating func move(to instant: Int64) {
        let share = 1 / scale(instant, Self.successorHalfLife), now = 1 / scale(instant, Self.popularHalfLife)
        for item in weights.indices {
            support[item] *= share
            recent[item] *= now
            for i in weights[item].indices { weights[item][i] *= share }
        }
        base = instant
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
        guard rows.count > Self.mostSuccessors || values.contains(0) else { return }
        let kept = rows.indices.filter { values[$0] > 0 }
            .sorted { values[$0] != values[$1] ? values[$0] > values[$1] : $0 < $1 }
            .prefix(Self.mostSuccessors).sorted()
        successors[item] = kept.map { rows[$0] }
        weights[item] = kept.map { values[$0] }
    }

    // MARK: - Finding

    /// What a lookup needs room for; one for each worker.
    package struct Scores {
        fileprivate var sums: [Float] = []
        fileprivate var touched: [Int32] = []

        package init() {}
    }

    /// The best `count` items to go on to that the user has not had: by their share of what came next after each item of the
    /// last session, then the most popular.
    ///
    /// - Parameters:
    ///   - history: up to the moment in question.
    ///   - instant: that moment, in epoch seconds; nil for the one that the table was finished for.
    package func anchors(
        _ count: Int, after history: TokenHistory, at instant: Int64? = nil, _ scores: inout Scores
    ) -> [Int32] {
        var had = Set<Int32>()
        for (row, action) in zip(history.rows, history.actions) where action > Action.impression.rawValue {
            had.insert(row)
        }
        if scores.sums.isEmpty { scores.sums = Array(repeating: 0, count: items) }
        let smoothing = Self.smoothing * scale(instant ?? base, Self.successorHalfLife)
        for item in history.lastEngaged {
            let whole = support[Int(item)] + smoothing
            for (row, weight) in zip(successors[Int(item)], weights[Int(item)]) where weight > 0 && !had.contains(row) {
                if scores.sums[Int(row)] == 0 { scores.touched.append(row) }
                // Never nothing, as that tells who was touched.
                scores.sums[Int(row)] += max(weight / whole, .leastNormalMagnitude)
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
            "as_of": StoredTensor([base]), "ends": StoredTensor(ends),
            "items": StoredTensor(successors.flatMap(\.self)),
            "weights": stored(weights.flatMap(\.self)), "support": stored(support), "popular": StoredTensor(popular),
        ]
    }

    /// - Parameter tensor: by the names of ``tensors``.
    package init(
        items: Int, path: String, tensor: (String) throws(SafetensorsError) -> StoredTensor
    ) throws(SafetensorsError) {
        func numbers<Number: BitwiseCopyable>(_ name: String, _ kind: StoredTensor.Kind, of type: Number.Type)
            throws(SafetensorsError)
            -> [Number]
        {
            let stored = try tensor(name)
            guard stored.kind == kind else { throw .damaged(path: path, reason: "its anchors' \(name) are no \(kind)") }
            return stored.array(of: type)
        }
        let asOf = try numbers("as_of", .int64, of: Int64.self)
        let ends = try numbers("ends", .int64, of: Int64.self).map { Int($0) }
        let rows = try numbers("items", .int32, of: Int32.self),
            values = try numbers("weights", .float32, of: Float.self)
        let support = try numbers("support", .float32, of: Float.self)
        let popular = try numbers("popular", .int32, of: Int32.self)
        let starts = [0] + ends
        guard asOf.count == 1, ends.count == items, zip(starts, ends).allSatisfy({ $0 <= $1 }),
            starts[starts.count - 1] == rows.count, values.count == rows.count, support.count == items,
            (rows + popular).allSatisfy({ 0 <= $0 && $0 < items }),
            (values + support).allSatisfy({ $0.isFinite && $0 >= 0 })
        else { throw .damaged(path: path, reason: "its anchors do not fit its items") }
        self.init(items: items, begin: asOf[0])
        for (item, range) in zip(starts, ends).enumerated() {
            successors[item] = Array(rows[range.0..<range.1])
            weights[item] = Array(values[range.0..<range.1])
        }
        self.support = support
        self.popular = popular
        recent = []
    }
}
