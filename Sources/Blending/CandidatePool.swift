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
    struct Origins: OptionSet {
        let rawValue: UInt8
        static let own = Origins(rawValue: 1)
        static let model = Origins(rawValue: 2)
        static let together = Origins(rawValue: 4)
        static let popular = Origins(rawValue: 8)
    }

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
    /// `[rows]`: which sources have brought it.
    private(set) var origins: [Origins] = []
    /// `[rows, F]`
    private let values = FloatBuffer()
    /// `[rows]`: whether it may be listed.
    private(set) var isAllowed: [Bool] = []

    var features: UnsafeBufferPointer<Float> { values.values }

    /// `[V]`: where a row stands in ``rows``, or -1.
    private var place: [Int32]
    /// `[3, V]`: zeros between two users.
    private let sums: [FloatBuffer]
    private var touched: [Int32] = []
    private let gathered = FloatBuffer()
    private var selection = Selection()
    /// `[own rows, own features]`
    private let own = FloatBuffer()
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
    ///   - model: the model's own list, best first.
    ///   - query: `[D]`, the user's unit vector.
    ///   - excluded: rows that this user must not get.
    func fill(_ history: TokenHistory, model: [Candidate], query: Floats, excluded: [Int32]) {
        clear()
        takeOwn(history)
        takeTogether()
        for row in popular { add(row, .popular) }
        for candidate in model { add(Int32(candidate.row), .model) }
        isAllowed = rows.map { !isDenied[Int($0)] }
        for row in excluded where tables.items > Int(row) && row >= 0 && place[Int(row)] >= 0 {
            isAllowed[Int(place[Int(row)])] = false
        }
        values.reserve(rows.count * BlendFeature.count).update(
            repeating: BlendFeature.lowest, count: rows.count * BlendFeature.count)
        writeOwn()
        writeTogether()
        writePopularity()
        writeModel(query)
        for row in touched { for sum in sums { sum.pointer[Int(row)] = 0 } }
    }

    private func clear() {
        for row in rows { place[Int(row)] = -1 }
        rows.removeAll(keepingCapacity: true)
        origins.removeAll(keepingCapacity: true)
        weights.removeAll(keepingCapacity: true)
        touched.removeAll(keepingCapacity: true)
    }

    @discardableResult
    private func add(_ row: Int32, _ origin: Origins) -> Int {
        if place[Int(row)] < 0 {
            place[Int(row)] = Int32(rows.count)
            rows.append(row)
            origins.append([])
        }
        let i = Int(place[Int(row)])
        origins[i].insert(origin)
        return i
    }

    private func takeOwn(_ history: TokenHistory) {
        let kinds = BlendFeature.own.count, byAge = BlendFeature.ownHalfLives.count
        let own = own.zeros(history.rows.count * kinds)
        // Ages from the newest session: features are shares of the highest weight, which are the same from any instant on, and a
        // weight would be none at all half a year later.
        let newest = history.sessions.last?.startsAt ?? 0
        func halved(_ session: SessionHead, _ days: Double) -> Float {
            halving(from: session.startsAt, to: newest, halfLife: days)
        }
        history.forEachSession { session, items in
            let weight = BlendFeature.ownHalfLives.map { halved(session, $0) }
            let whole = halved(session, BlendFeature.togetherHalfLife)
            let lastDays = halved(session, BlendFeature.lastDaysHalfLife)
            for item in items.indices {
                let i = add(items[item], .own)
                if i == weights.count { weights.append((0, 0)) }
                for kind in 0..<byAge { own[i * kinds + kind] += weight[kind] }
                let action = history.actions[item]
                let strength = action >= Action.purchase.rawValue ? 2 : action > Action.click.rawValue ? 1 : 0
                own[i * kinds + BlendFeature.ownByAction + strength] += lastDays
                own[i * kinds + kinds - 2] += 1
                own[i * kinds + kinds - 1] = 1
                weights[i].whole += whole
                weights[i].lastDays += lastDays
            }
        }
        ownCount = rows.count
    }

    /// What was had together with one's own: the sums of all, and the highest of them into the pool.
    private func takeTogether() {
        let (whole, lastDays, users) = (sums[0].pointer, sums[1].pointer, sums[2].pointer)
        // A variable of the function's own, of which the compiler knows that nobody else looks at it.
        var touched: [Int32] = []
        swap(&touched, &self.touched)
        defer { swap(&touched, &self.touched) }
        // Below, a sum may be too small to tell that an item was met before.
        for i in 0..<ownCount where weights[i].whole > 1e-20 {
            let row = Int(rows[i]), weight = weights[i]
            tables.bySession.withRow(row) { columns, values, count in
                for entry in 0..<count {
                    let other = Int(columns[entry])
                    if whole[other] == 0, users[other] == 0 { touched.append(Int32(other)) }
                    whole[other] += weight.whole * values[entry]
                    lastDays[other] += weight.lastDays * values[entry]
                }
            }
            tables.byUser.withRow(row) { columns, values, count in
                for entry in 0..<count {
                    let other = Int(columns[entry])
                    if whole[other] == 0, users[other] == 0 { touched.append(Int32(other)) }
                    users[other] += weight.whole * values[entry]
                }
            }
        }
        for sums in [whole, users] {
            let values = gathered.reserve(touched.count)
            for (i, row) in touched.enumerated() { values[i] = sums[Int(row)] }
            for i in selection.highest(values, count: touched.count, kept: Self.depth) where values[i] > 0 {
                add(touched[i], .together)
            }
        }
    }

    private func writeOwn() {
        let kinds = BlendFeature.own.count, own = own.pointer
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
            let sums = sums.pointer
            var most: Float = 0
            for row in touched { most = max(most, sums[Int(row)]) }
            for i in rows.indices {
                write(sums[Int(rows[i])], of: most, BlendFeature.together.lowerBound + kind, at: i)
            }
        }
    }

    private func writePopularity() {
        let windows = BlendFeature.popular.count, values = values.pointer
        tables.popularity.withUnsafeBufferPointer { popularity in
            for i in rows.indices {
                for window in 0..<windows {
                    values[i * BlendFeature.count + BlendFeature.popular.lowerBound + window] =
                        popularity[Int(rows[i]) * windows + window]
                }
            }
        }
    }

    private func writeModel(_ query: Floats) {
        let values = values.pointer + BlendFeature.model
        var top = -Float.infinity
        for i in rows.indices {
            // Vectors lie all over memory.
            if i + Self.ahead < rows.count { Kernels.fetch(units + Int(rows[i + Self.ahead]) * width, count: width) }
            let cosine = Kernels.dot(query, units + Int(rows[i]) * width, count: width) / BlendFeature.temperature
            values[i * BlendFeature.count] = cosine
            top = max(top, cosine)
        }
        for i in rows.indices { values[i * BlendFeature.count] -= top }
    }

    private static let ahead = 8

    private func write(_ weight: Float, of most: Float, _ feature: Int, at i: Int) {
        guard weight > most * BlendFeature.lowestShare else { return }
        values.pointer[i * BlendFeature.count + feature] = logf(weight / most)
    }
}
