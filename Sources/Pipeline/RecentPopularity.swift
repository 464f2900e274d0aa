import Domain
import Histories

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// What everybody likes of late: each item's engaged events, halving in weight every two weeks. The list of those without
/// one.
///
/// Weights are whole numbers of 2^-32, so that threads may count in any order to the same list.
struct RecentPopularity: Sendable {
    private var weight: [UInt64]
    private let asOf: Int64
    private static let halfLife = 14.0 * 86_400e6

    /// - Parameter asOf: microseconds since 1970.
    init(items: Int, asOf: Int64) {
        weight = Array(repeating: 0, count: items)
        self.asOf = asOf
    }

    mutating func add(items: [Int32], times: [Int64]) {
        for (item, time) in zip(items, times) {
            weight[Int(item)] &+= UInt64(exp2(32 - Double(max(0, asOf - time)) / Self.halfLife))
        }
    }

    mutating func add(_ other: RecentPopularity) {
        for item in weight.indices { weight[item] &+= other.weight[item] }
    }

    /// Best first, scores as shares of the most popular; ties by row.
    func list(_ count: Int, excluded: Set<Int32>) -> [Candidate] {
        let rows = weight.indices.filter { !excluded.contains(Int32($0)) }
            .sorted { weight[$0] != weight[$1] ? weight[$0] > weight[$1] : $0 < $1 }.prefix(count)
        let highest = Double(max(rows.first.map { weight[$0] } ?? 1, 1))
        return rows.map { Candidate(row: UInt32($0), score: Float(Double(weight[$0]) / highest), source: .popular) }
    }
}
