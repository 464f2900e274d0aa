import Domain
import Tensors

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// Learns weights from what users did next: a softmax over each user's pool is to give its mass to the items of the session
/// that came.
///
/// Linear and convex in a few dozen numbers. They are held short, as by a prior: the shorter the fewer users there are, and what
/// a class of users departs by from all of them ten times as short. Full batches in a fixed order: the same examples give the
/// same bits at any number of threads.
///
/// Source: Cao et al. 2007, "Learning to rank: from pairwise approach to listwise approach" (ListNet, top one).
package struct BlendFit {
    /// Of fewer users nothing is learned.
    package static let fewestUsers = 20
    private static let steps = 300
    private static let rate = 0.05
    /// For a thousand users.
    private static let regularisation = 1e-3
    private static let departure = 10.0
    private static let usersPerPiece = 32

    private var features: [Float] = []
    /// `[users + 1]`: where the rows of each begin.
    private var starts = [0]
    private var isHit: [Bool] = []
    private var classes: [Int] = []

    /// Users of whom something can be learned: an item that came next is in their pool.
    package var users: Int { classes.count }

    package init() {}

    /// - Parameter next: rows of the items that came next.
    mutating func add(_ pool: CandidatePool, next: Set<Int32>, _ userClass: UserClass) {
        guard pool.rows.contains(where: { next.contains($0) }) else { return }
        features.append(contentsOf: pool.features)
        isHit.append(contentsOf: pool.rows.map { next.contains($0) })
        starts.append(isHit.count)
        classes.append(UserClass.allCases.firstIndex(of: userClass)!)
    }

    package mutating func add(_ other: BlendFit) {
        let base = starts[starts.count - 1]
        features.append(contentsOf: other.features)
        isHit.append(contentsOf: other.isHit)
        starts.append(contentsOf: other.starts.dropFirst().map { $0 + base })
        classes.append(contentsOf: other.classes)
    }

    /// nil where there are too few users to learn from.
    package func weights(pool: WorkerPool, step: (_ done: Int, _ of: Int) throws -> Void) rethrows -> BlendWeights? {
        guard users >= Self.fewestUsers else { return nil }
        let F = BlendFeature.count, groups = UserClass.allCases.count + 1
        let scale = self.scale
        // Of all users, then what each class departs by, both in units of the features' spread.
        var weights = [Double](repeating: 0, count: groups * F)
        var first = weights, second = weights
        for t in 1...Self.steps {
            try step(t, Self.steps)
            let gradient = gradient(at: weights, scale, pool)
            for i in weights.indices {
                let held = Self.regularisation * 1000 / Double(users) * (i < F ? 1 : Self.departure)
                let slope = gradient[i] + held * weights[i]
                first[i] = 0.9 * first[i] + 0.1 * slope
                second[i] = 0.99 * second[i] + 0.01 * slope * slope
                let rate = Self.rate * (1 - Double(t) / Double(Self.steps + 1))
                weights[i] -=
                    rate * (first[i] / (1 - pow(0.9, Double(t))))
                    / ((second[i] / (1 - pow(0.99, Double(t)))).squareRoot() + 1e-8)
            }
        }
        return BlendWeights(
            (0..<UserClass.allCases.count).flatMap { group in
                (0..<F).map { Float((weights[$0] + weights[(group + 1) * F + $0]) / scale[$0]) }
            })
    }

    /// The spread of each feature; 1 where it is always the same.
    private var scale: [Double] {
        let F = BlendFeature.count, rows = Double(isHit.count)
        var sum = [Double](repeating: 0, count: F), squares = sum
        for i in features.indices {
            let value = Double(features[i])
            sum[i % F] += value
            squares[i % F] += value * value
        }
        return (0..<F).map {
            let variance = squares[$0] / rows - (sum[$0] / rows) * (sum[$0] / rows)
            return variance > 1e-6 ? variance.squareRoot() : 1
        }
    }

    /// Of the mean loss, by weights over features in units of their spread.
    private func gradient(at weights: [Double], _ scale: [Double], _ pool: WorkerPool) -> [Double] {
        let F = BlendFeature.count, pieces = (users + Self.usersPerPiece - 1) / Self.usersPerPiece
        var parts = [[Double]](repeating: [], count: pieces)
        parts.withUnsafeMutableBufferPointer { parts in
            // Safe: every piece writes its own place.
            nonisolated(unsafe) let parts = parts
            pool.forEach(pieces) { piece, _ in
                var sum = [Double](repeating: 0, count: weights.count)
                for user in piece * Self.usersPerPiece..<min((piece + 1) * Self.usersPerPiece, users) {
                    let own = (classes[user] + 1) * F
                    let scaled = (0..<F).map { Float((weights[$0] + weights[own + $0]) / scale[$0]) }
                    let slope = gradient(of: user, scaled)
                    for f in 0..<F {
                        sum[f] += slope[f] / scale[f]
                        sum[own + f] += slope[f] / scale[f]
                    }
                }
                parts[piece] = sum
            }
        }
        return weights.indices.map { i in parts.reduce(0) { $0 + $1[i] } / Double(users) }
    }

    /// `Σ (probability - truth) · features` of one user's rows.
    private func gradient(of user: Int, _ weights: [Float]) -> [Double] {
        let F = BlendFeature.count, rows = starts[user]..<starts[user + 1]
        return features.withUnsafeBufferPointer { features in
            let scores = rows.map { row in
                (0..<F).reduce(Float(0)) { $0 + weights[$1] * features[row * F + $1] }
            }
            let top = scores.max() ?? 0
            let powers = scores.map { exp(Double($0 - top)) }
            let total = powers.reduce(0, +)
            let hits = Double(rows.reduce(0) { $0 + (isHit[$1] ? 1 : 0) })
            var sum = [Double](repeating: 0, count: F)
            for (i, row) in rows.enumerated() {
                let off = powers[i] / total - (isHit[row] ? 1 / hits : 0)
                for f in 0..<F { sum[f] += off * Double(features[row * F + f]) }
            }
            return sum
        }
    }
}
