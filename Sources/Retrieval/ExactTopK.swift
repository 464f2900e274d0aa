import Domain
import Tensors

/// Why no list was made. All of these are defects of the model or of the call, never of one user's data.
package enum RetrievalError: Error, Equatable, CustomStringConvertible {
    case notFinite(what: String, row: Int)

    package var description: String {
        switch self {
        case .notFinite(let what, let row):
            "\(what) \(row) holds a number that is not finite; the model is damaged, train it again"
        }
    }
}

/// The items that may be recommended at all, as one block of vectors: what everybody is denied is never even scored.
package final class Catalogue: @unchecked Sendable {
    /// `[N, D]` unit vectors and the vocabulary row of each, ascending.
    fileprivate let vectors: FloatBuffer
    package let rows: [Int32]
    fileprivate let width: Int

    /// - Parameters:
    ///   - vectors: `[V, D]`, every row of the vocabulary.
    ///   - isOffered: whether a row may be recommended.
    package init(
        _ vectors: Floats, count: Int, width: Int, isOffered: (Int32) -> Bool
    ) throws(RetrievalError) {
        rows = (0..<Int32(count)).filter(isOffered)
        self.width = width
        self.vectors = FloatBuffer(rows.count * width)
        for (i, row) in rows.enumerated() {
            let from = vectors + Int(row) * width
            for j in 0..<width where !from[j].isFinite { throw .notFinite(what: "vector of item row", row: Int(row)) }
            (self.vectors.pointer + i * width).update(from: from, count: width)
        }
    }

    /// The place of a vocabulary row in ``rows``; nil where it is not offered.
    fileprivate func place(of row: Int32) -> Int? {
        var low = 0, high = rows.count
        while low < high {
            let middle = (low + high) / 2
            if rows[middle] < row { low = middle + 1 } else { high = middle }
        }
        return low < rows.count && rows[low] == row ? low : nil
    }
}

/// Exact top-k of users × items by blocked products: every score is computed once, compared with the user's running k-th,
/// and forgotten. Exclusions are applied inside, so they never shorten a list while other items are left.
///
/// Ties go to the lower item row. The blocks depend on the order of users only, so the same input gives the same lists at
/// any thread count.
package final class ExactTopK {
    private static let usersPerTile = 32
    private static let itemsPerTile = 1024

    private let catalogue: Catalogue
    private let kept: Int
    private let pool: WorkerPool
    private let spaces: [Space]

    /// - Parameter kept: `K`, the length of a list (shorter only where fewer items are left).
    package init(_ catalogue: Catalogue, kept: Int, pool: WorkerPool) {
        self.catalogue = catalogue
        self.kept = kept
        self.pool = pool
        spaces = (0..<pool.workers).map { _ in Space() }
    }

    /// One list per user, best first.
    ///
    /// - Parameters:
    ///   - queries: `[users, D]`.
    ///   - excluded: per user, vocabulary rows that must not be in the list; in any order, unknown rows are ignored.
    package func lists(_ queries: Floats, users: Int, excluded: [[Int32]]) throws(RetrievalError) -> [[Candidate]] {
        precondition(excluded.count == users, "one set of exclusions per user")
        let D = catalogue.width
        for i in 0..<users * D where !queries[i].isFinite {
            throw .notFinite(what: "query vector of user", row: i / D)
        }
        var lists = [[Candidate]](repeating: [], count: users)
        let tiles = (users + Self.usersPerTile - 1) / Self.usersPerTile
        lists.withUnsafeMutableBufferPointer { lists in
            pool.forEach(tiles) { tile, worker in
                let begin = tile * Self.usersPerTile
                let range = begin..<min(begin + Self.usersPerTile, users)
                run(queries, range, excluded, spaces[worker]) { user, list in lists[user] = list }
            }
        }
        return lists
    }

    private func run(
        _ queries: Floats, _ users: Range<Int>, _ excluded: [[Int32]], _ space: Space,
        _ deliver: (Int, [Candidate]) -> Void
    ) {
        let D = catalogue.width, N = catalogue.rows.count
        let denied = users.map { user in excluded[user].compactMap(catalogue.place).sorted() }
        var next = [Int](repeating: 0, count: users.count)
        var best = users.map { _ in RunningBest(kept) }
        let scores = space.scores.reserve(users.count * Self.itemsPerTile)
        for begin in stride(from: 0, to: N, by: Self.itemsPerTile) {
            let n = min(Self.itemsPerTile, N - begin)
            multiply(
                Operand(queries + users.lowerBound * D, stride: D),
                Operand(catalogue.vectors.pointer + begin * D, stride: D, transposed: true), into: scores,
                stride: Self.itemsPerTile, rows: users.count, columns: n, inner: D)
            for u in 0..<users.count {
                let row = scores + u * Self.itemsPerTile
                while next[u] < denied[u].count, denied[u][next[u]] < begin + n {
                    row[denied[u][next[u]] - begin] = -.infinity
                    next[u] += 1
                }
                let found = Kernels.scanAbove(
                    row, count: n, threshold: best[u].threshold, base: Int32(begin),
                    rows: &space.rows, kept: space.kept.pointer)
                best[u].add(space.rows, space.kept.pointer, count: found)
            }
        }
        for (u, user) in users.enumerated() {
            let list = best[u].finish().map { place, score in
                Candidate(row: UInt32(catalogue.rows[Int(place)]), score: score, source: .model)
            }
            deliver(user, list)
        }
    }

    private final class Space {
        let scores = FloatBuffer()
        let kept = FloatBuffer(ExactTopK.itemsPerTile)
        var rows = [Int32](repeating: 0, count: ExactTopK.itemsPerTile)
    }
}

/// The best `kept` scores so far, with slack: survivors are appended, and cut back only when twice as many have gathered.
struct RunningBest {
    private let kept: Int
    private var entries: [(place: Int32, score: Float)] = []
    /// Nothing at or below this can still enter: an equal score at a later row loses the tie.
    private(set) var threshold = -Float.infinity

    init(_ kept: Int) {
        self.kept = kept
        entries.reserveCapacity(2 * kept + 1024)
    }

    /// Adds survivors in rising order of place.
    mutating func add(_ places: [Int32], _ scores: Floats, count: Int) {
        for i in 0..<count { entries.append((places[i], scores[i])) }
        if entries.count > 2 * kept { cut() }
    }

    mutating func finish() -> [(place: Int32, score: Float)] {
        cut()
        return entries
    }

    private mutating func cut() {
        entries.sort { $0.score != $1.score ? $0.score > $1.score : $0.place < $1.place }
        guard entries.count >= kept, kept > 0 else {
            if kept == 0 { entries = [] }
            return
        }
        entries.removeLast(entries.count - kept)
        threshold = entries[kept - 1].score
    }
}
