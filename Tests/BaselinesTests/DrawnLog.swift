import Baselines
import Domain
import Tensors

let day: Int64 = 86_400
let pool = WorkerPool(workers: 2)

/// A history from (day, items) pairs; all clicks on no scene.
func history(_ sessions: [(day: Int64, items: [Int32])]) -> TokenHistory {
    var history = TokenHistory()
    for session in sessions {
        history.append(
            startsAt: session.day * day, scene: 0,
            items: session.items.map { (row: $0, action: Action.click.rawValue) })
    }
    return history
}

func log(items: Int, asOf: Int64 = 100, _ histories: [TokenHistory]) -> SessionLog {
    var log = SessionLog(items: items, asOf: asOf * day)
    for history in histories { log.add(history) }
    return log
}

/// Users with a few sessions each, items of low rows more often.
func drawnLog(seed: UInt64, users: Int = 30, items: Int = 24) -> SessionLog {
    var draw = SeededGenerator(seed: seed, stream: 0xba5e)
    return log(
        items: items,
        (0..<users).map { _ in
            var at: Int64 = Int64(draw.below(40))
            return history(
                (0..<1 + draw.below(12)).map { _ in
                    // Some sessions begin at the same time.
                    at += Int64(draw.below(8))
                    let rows = Set(
                        (0..<1 + draw.below(5)).map { _ in Int32(min(draw.below(items), draw.below(items))) })
                    return (min(at, 100), rows.sorted())
                })
        })
}

extension SessionLog {
    func asker(_ place: Int) -> Asker {
        Asker(history: histories[place], now: now(of: histories[place]), place: place)
    }

    var askers: [Asker] { histories.indices.map { asker($0) } }
}

extension TokenHistory {
    /// Start and items of every session.
    var baskets: [(startsAt: Int64, items: ArraySlice<Int32>)] {
        var begin = 0
        return sessions.map { session in
            defer { begin += Int(session.items) }
            return (session.startsAt, rows[begin..<begin + Int(session.items)])
        }
    }
}

extension Recommender {
    func scores(_ asker: Asker, wish: Wish = .anything) -> [Float] {
        let scores = FloatBuffer(items)
        score(asker, wish: wish, into: scores.pointer)
        return Array(scores.values)
    }

    func list(_ asker: Asker, wish: Wish = .anything, kept: Int) -> [Int32] {
        lists([asker], wish: wish, kept: kept, pool: pool)[0]
    }
}

/// The largest difference, as a share of the largest number.
func distance(_ a: [Float], _ b: [Double]) -> Double {
    precondition(a.count == b.count)
    let scale = max(b.map { abs($0) }.max() ?? 0, 1e-30)
    return zip(a, b).map { abs(Double($0) - $1) }.max()! / scale
}
