import Domain
import Glibc

/// Lists of the two synthetic sets of the measurements behind the codecs: hard ones, as every draw is independent.
struct DrawnSets {
    private static let items = 1_000_000
    private static let length = 100
    private static let clusterCount = 500
    private static let poolSize = 3_000
    /// How far the hundredth score lies above the scale of the tail, so that the entropy of the falls is the 61 bytes of
    /// those measurements.
    private static let offset = 2.0
    private static let shares: [(CandidateSource, Double)] = [
        (.model, 0.60), (.repeat, 0.25), (.transition, 0.10), (.popular, 0.05),
    ]

    private var random: SeededGenerator
    /// The sum of 1 / rank up to each item.
    private let weights: [Double]

    init(seed: UInt64) {
        random = SeededGenerator(seed: seed)
        var sum = 0.0
        weights = (1...Self.items).map { rank in
            sum += 1 / Double(rank)
            return sum
        }
    }

    /// Set Z: items by Zipf's law with exponent 1 over a million, by popularity.
    mutating func independent(_ count: Int) -> [[Candidate]] {
        (0..<count).map { _ in list { $0.popularItem() } }
    }

    /// Set K: of each list, 60 % from the 3,000 items of one of 500 clusters.
    mutating func clustered(_ count: Int) -> [[Candidate]] {
        let pools = (0..<Self.clusterCount).map { _ in (0..<Self.poolSize).map { _ in UInt32(random.below(Self.items)) }
        }
        return (0..<count).map { _ in
            let pool = pools[random.below(pools.count)]
            return list { $0.random.uniform() < 0.6 ? pool[$0.random.below(pool.count)] : $0.popularItem() }
        }
    }

    /// Set D: what users without history get: the same list, but for a few items each that are excluded.
    mutating func defaults(_ count: Int) -> [[Candidate]] {
        let all = (0..<20).map { _ in list(Self.length + 20) { $0.popularItem() } }
        return (0..<count).map { _ in
            var list = all[random.below(all.count)]
            for _ in 0..<random.below(10) { list.remove(at: random.below(list.count)) }
            return Array(list.prefix(Self.length))
        }
    }

    private mutating func list(_ length: Int = DrawnSets.length, item: (inout DrawnSets) -> UInt32) -> [Candidate] {
        var seen: Set<UInt32> = []
        var rows: [UInt32] = []
        while rows.count < length {
            let row = item(&self)
            if seen.insert(row).inserted { rows.append(row) }
        }
        return zip(rows, scores(length)).map { Candidate(row: $0, score: $1, source: source()) }
    }

    private mutating func popularItem() -> UInt32 {
        let wanted = random.uniform() * weights[weights.count - 1]
        var low = 0, high = weights.count - 1
        while low < high {
            let middle = (low + high) / 2
            if weights[middle] < wanted { low = middle + 1 } else { high = middle }
        }
        return UInt32(low)
    }

    /// The best of many draws from an exponential tail: the gap behind rank r is exponential with mean 1 / r.
    private mutating func scores(_ length: Int) -> [Float] {
        let scale = exp(0.5 * random.normal())
        var score = Self.offset
        var rising: [Float] = []
        for rank in (1...length).reversed() {
            score -= log(1 - random.uniform()) / Double(rank)
            rising.append(Float(scale * score))
        }
        return rising.reversed()
    }

    private mutating func source() -> CandidateSource {
        var left = random.uniform()
        for (source, share) in Self.shares {
            left -= share
            if left < 0 { return source }
        }
        return .popular
    }
}
