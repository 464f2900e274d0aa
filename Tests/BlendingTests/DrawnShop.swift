import Baselines
import Blending
import Domain
import Tensors

/// Users with a few sessions each, vectors of all items, and queries.
struct DrawnShop {
    static let now: Int64 = 1_700_000_000
    static let width = 16
    let items: Int
    let users: Int
    var histories: [TokenHistory] = []
    let units: FloatBuffer
    let queries: FloatBuffer

    init(seed: UInt64, items: Int = 600, users: Int = 200) {
        (self.items, self.users) = (items, users)
        var random = SeededGenerator(seed: seed)
        for _ in 0..<users {
            var history = TokenHistory(), at = Self.now - Int64(100 * 86_400) + Int64(random.below(5_000_000))
            for _ in 0..<1 + random.below(6) {
                let rows = Set(
                    (0..<1 + random.below(8)).map { _ in Int32(random.below(items) * random.below(items) / items) })
                history.append(
                    startsAt: at, scene: 0, items: rows.sorted().map { (row: $0, action: Self.action(on: $0).rawValue) }
                )
                at += Int64(random.below(600_000))
            }
            histories.append(history)
        }
        units = Self.drawnUnits(items, &random)
        queries = Self.drawnUnits(users, &random)
    }

    static func action(on row: Int32) -> Action { [.click, .cart, .purchase][Int(row % 3)] }

    private static func drawnUnits(_ count: Int, _ random: inout SeededGenerator) -> FloatBuffer {
        let drawn = FloatBuffer(count * width), units = FloatBuffer(count * width), norms = FloatBuffer(count)
        for i in 0..<count * width { drawn.pointer[i] = Float(random.normal()) }
        Kernels.normalise(
            drawn.pointer, into: units.pointer, norm: norms.pointer, rows: count, width: width, epsilon: 1e-12)
        return units
    }

    func tables(threads: Int = 1) -> ItemTables {
        var log = SessionLog(items: items, asOf: Self.now)
        for history in histories { log.add(history) }
        return ItemTables(log, similarItems: 20, pool: WorkerPool(workers: threads))
    }

    /// The model's list, by looking at every item.
    func model(_ user: Int, excluded: [Int32], kept: Int) -> [Candidate] {
        let denied = Set(excluded), query = queries.pointer + user * Self.width
        var all: [Candidate] = []
        for row in 0..<items where !denied.contains(Int32(row)) {
            let score = Kernels.dot(query, units.pointer + row * Self.width, count: Self.width)
            all.append(Candidate(row: UInt32(row), score: score, source: .model))
        }
        all.sort { $0.score != $1.score ? $0.score > $1.score : $0.row < $1.row }
        return Array(all.prefix(kept))
    }

    func blender(weights: BlendWeights?, denied: Set<Int32> = [], kept: Int = 50, threads: Int = 1) -> Blender {
        Blender(
            tables(), weights: weights, units: units.pointer, width: Self.width, excluded: denied, kept: kept,
            pool: WorkerPool(workers: threads))
    }

    func requests(_ blender: Blender, excluded: [[Int32]]? = nil, denied: Set<Int32> = []) -> [BlendRequest] {
        histories.indices.map { user in
            let own = excluded?[user] ?? []
            return BlendRequest(
                history: histories[user],
                model: model(user, excluded: own + denied, kept: blender.depth), excluded: own)
        }
    }

    /// Weights learned where `next` says what each user did next.
    func learned(next: (Int) -> Set<Int32>, threads: Int = 1) -> BlendWeights? {
        let pool = WorkerPool(workers: threads), blender = blender(weights: nil, threads: threads)
        let fit = blender.examples(
            requests(blender), queries: queries.pointer, next: histories.indices.map(next))
        return fit.weights(pool: pool) { _, _ in }
    }
}
