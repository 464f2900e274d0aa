import Baselines
import Domain
import Tensors

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// Of one user at a time, the items that may be listed with the features of each: one's own, the model's, those that go with
/// one's own, and the popular ones. One for each thread.
final class CandidatePool {
    /// How many are taken from each source but one's own, which all are.
    static let depth = 200

    private let tables: ItemTables
    /// `[V, D]` unit vectors.
    private let units: Floats
    private let width: Int
    private let popular: [Int32]
    /// `[V]`: what nobody gets.
    private let isDenied: [Bool]

    /// Vocabulary rows; the user's own come first.
    private(set) var rows: [Int32] = []
    private(set) var ownCount = 0
    /// `[rows, F]`
    private(set) var features: [Float] = []
    /// `[rows]`: whether it may be listed.
    private(set) var isAllowed: [Bool] = []

    /// `[V]`: where a row stands in ``rows``, or -1.
    private var place: [Int32]
    /// `[3, V]`: zeros between two users.
    private let sums: [FloatBuffer]
    private var touched: [Int32] = []
    private let gathered = FloatBuffer()
    /// `[rows, own features]`
    private var own: [Float] = []
    /// `[own rows]`: weights of the items that others are looked for by.
    private var weights: [(whole: Float, lastDays: Float)] = []

    init(_ tables: ItemTables, units: Floats, width: Int, popular: [Int32], isDenied: [Bool]) {
        self.tables = tables
        self.units = units
        self.width = width
        self.popular = popular
        self.isDenied = isDenied
        place = [Int32](repeating: -1, count: tables.items)
        sums = (0..<3).map { _ in FloatBuffer(tables.items) }
    }

    /// - Parameters:
    ///   - history: engaged items only.
    ///   - now: epoch seconds that the list is made for.
    ///   - model: the model's own list, best first.
    ///   - query: `[D]`, the user's unit vector.
    ///   - excluded: rows that this user must not get.
    func fill(_ history: TokenHistory, now: Int64, model: [Candidate], query: Floats, excluded: [Int32]) {
        clear()
        takeOwn(history, now)
        takeTogether()
        for row in popular { _ = add(row) }
        for candidate in model { _ = add(Int32(candidate.row)) }
        isAllowed = rows.map { !isDenied[Int($0)] }
        for row in excluded where tables.items > Int(row) && row >= 0 && place[Int(row)] >= 0 {
            isAllowed[Int(place[Int(row)])] = false
        }
        features = [Float](repeating: BlendFeature.lowest, count: rows.count * BlendFeature.count)
        writeOwn()
        writeTogether()
        writePopularity()
        writeModel(model, query)
        for row in touched { for sum in sums { sum.pointer[Int(row)] = 0 } }
    }

    private func clear() {
        for row in rows { place[Int(row)] = -1 }
        rows.removeAll(keepingCapacity: true)
        own.removeAll(keepingCapacity: true)
        weights.removeAll(keepingCapacity: true)
        touched.removeAll(keepingCapacity: true)
    }

    private func add(_ row: Int32) -> Int {
        if place[Int(row)] < 0 {
            place[Int(row)] = Int32(rows.count)
            rows.append(row)
        }
        return Int(place[Int(row)])
    }

    private func takeOwn(_ history: TokenHistory, _ now: Int64) {
        let kinds = BlendFeature.own.count, last = kinds - 1
        history.forEachSession { session, items in
            let weight = BlendFeature.ownHalfLives.map { halving(from: session.startsAt, to: now, halfLife: $0) }
            let whole = halving(from: session.startsAt, to: now, halfLife: BlendFeature.togetherHalfLife)
            let lastDays = halving(from: session.startsAt, to: now, halfLife: BlendFeature.lastDaysHalfLife)
            for row in items {
                let i = add(row)
                if i == weights.count {
                    own.append(contentsOf: repeatElement(0, count: kinds))
                    weights.append((0, 0))
                }
                for kind in 0..<last { own[i * kinds + kind] += weight[kind] }
                own[i * kinds + last] += 1
                weights[i].whole += whole
                weights[i].lastDays += lastDays
            }
        }
        ownCount = rows.count
    }

    /// What was had together with one's own: the sums of all, and the highest of them into the pool.
    private func takeTogether() {
        let (whole, lastDays, users) = (sums[0].pointer, sums[1].pointer, sums[2].pointer)
        for i in 0..<ownCount where weights[i].whole > 1e-20 {
            let row = Int(rows[i]), weight = weights[i]
            for entry in tables.bySession.range(row) {
                let other = Int(tables.bySession.column[entry]), value = tables.bySession.value[entry]
                if whole[other] == 0, users[other] == 0 { touched.append(Int32(other)) }
                whole[other] += weight.whole * value
                lastDays[other] += weight.lastDays * value
            }
            for entry in tables.byUser.range(row) {
                let other = Int(tables.byUser.column[entry])
                if whole[other] == 0, users[other] == 0 { touched.append(Int32(other)) }
                users[other] += weight.whole * tables.byUser.value[entry]
            }
        }
        for sums in [whole, users] {
            let values = gathered.reserve(touched.count)
            for (i, row) in touched.enumerated() { values[i] = sums[Int(row)] }
            for i in highest(values, count: touched.count, kept: Self.depth) where values[Int(i)] > 0 {
                _ = add(touched[Int(i)])
            }
        }
    }

    private func writeOwn() {
        let kinds = BlendFeature.own.count
        for kind in 0..<kinds {
            var most: Float = 0
            for i in 0..<ownCount { most = max(most, own[i * kinds + kind]) }
            for i in 0..<ownCount {
                write(own[i * kinds + kind], of: most, BlendFeature.own.lowerBound + kind, at: i)
            }
        }
    }

    private func writeTogether() {
        for (kind, sums) in sums.enumerated() {
            var most: Float = 0
            for row in touched { most = max(most, sums.pointer[Int(row)]) }
            for (i, row) in rows.enumerated() {
                write(sums.pointer[Int(row)], of: most, BlendFeature.together.lowerBound + kind, at: i)
            }
        }
    }

    private func writePopularity() {
        let windows = BlendFeature.popular.count
        for (i, row) in rows.enumerated() {
            for window in 0..<windows {
                features[i * BlendFeature.count + BlendFeature.popular.lowerBound + window] =
                    tables.popularity[Int(row) * windows + window]
            }
        }
    }

    private func writeModel(_ model: [Candidate], _ query: Floats) {
        var top = -Float.infinity
        for (i, row) in rows.enumerated() {
            let cosine = Kernels.dot(query, units + Int(row) * width, count: width)
            features[i * BlendFeature.count + BlendFeature.model] = cosine / BlendFeature.temperature
            top = max(top, cosine / BlendFeature.temperature)
        }
        for i in rows.indices { features[i * BlendFeature.count + BlendFeature.model] -= top }
    }

    private func write(_ weight: Float, of most: Float, _ feature: Int, at i: Int) {
        guard weight > most * BlendFeature.lowestShare else { return }
        features[i * BlendFeature.count + feature] = logf(weight / most)
    }
}
