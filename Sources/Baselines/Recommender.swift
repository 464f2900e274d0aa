import Domain
import Tensors

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// Somebody who asks for a list: a history of engaged items, and when.
package struct Asker: Sendable {
    package var history: TokenHistory
    /// Epoch seconds, which ages are counted up to.
    package var now: Int64
    /// Where the same user stands in the log that a method learned from; nil where it does not.
    package var place: Int?

    package init(history: TokenHistory, now: Int64, place: Int?) {
        self.history = history
        self.now = now
        self.place = place
    }

    /// Distinct item rows of the history, ascending.
    package var seen: [Int32] { Set(history.rows).sorted() }

    /// The weight of each session's items: halved for every `halfLife` days of age.
    func agedItems(halfLife days: Double) -> [(row: Int32, weight: Float)] {
        var items: [(row: Int32, weight: Float)] = []
        items.reserveCapacity(history.rows.count)
        history.forEachSession { session, rows in
            let weight = halving(from: session.startsAt, to: now, halfLife: days)
            for row in rows { items.append((row, weight)) }
        }
        return items
    }
}

/// What a list is to hold: any item, or only those that the asker has not had.
package enum Wish: Sendable, CaseIterable {
    case anything
    case novel
}

/// A simple method: a score for every item, for anybody with a history.
///
/// Every method that a model has to beat is one of these. The same log gives the same scores at any number of threads.
package protocol Recommender: Sendable {
    /// As tables and exports call it.
    var name: String { get }
    /// `N`.
    var items: Int { get }
    /// Overwrites `scores` `[N]`; higher is better, `-infinity` is never listed.
    func score(_ asker: Asker, wish: Wish, into scores: Floats)
}

extension Recommender {
    /// One list per asker, best first, ties by item row; shorter than `kept` only where no more items are left.
    package func lists(_ askers: [Asker], wish: Wish, kept: Int, pool: WorkerPool) -> [[Int32]] {
        let scores = (0..<pool.workers).map { _ in FloatBuffer(items) }
        var lists = [[Int32]](repeating: [], count: askers.count)
        lists.withUnsafeMutableBufferPointer { lists in
            // Safe: every piece writes its own place.
            nonisolated(unsafe) let lists = lists
            pool.forEach(askers.count) { asker, worker in
                let own = scores[worker].pointer
                score(askers[asker], wish: wish, into: own)
                if wish == .novel { for row in askers[asker].history.rows { own[Int(row)] = -.infinity } }
                lists[asker] = highest(own, count: items, kept: kept)
            }
        }
        return lists
    }
}

/// A weight that halves with age; in the future nothing is worth more than now.
package func halving(from then: Int64, to now: Int64, halfLife days: Double) -> Float {
    Float(exp2(-Double(max(0, now - then)) / 86_400 / days))
}
