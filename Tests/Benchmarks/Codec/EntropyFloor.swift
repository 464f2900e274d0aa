import Domain
import Glibc

/// Bytes below which no code comes that knows only how often items, falls and sources occur in a set of lists: rows drawn
/// without replacement by their popularity in these lists, falls of float16 by rank, sources, each independent.
struct EntropyFloor {
    let rows: Double
    let falls: Double
    let sources: Double
    var total: Double { rows + falls + sources }

    init(_ lists: [[Candidate]]) {
        rows = Self.rowBits(lists) / Double(8 * lists.count)
        var steps: [[Int]: Double] = [:]
        var labels: [[Int]: Double] = [:]
        for list in lists {
            for (rank, candidate) in list.enumerated() {
                if rank > 0 {
                    steps[[rank, Self.bits(list[rank - 1].score) - Self.bits(candidate.score)], default: 0] += 1
                }
                labels[[0, Int(candidate.source.rawValue)], default: 0] += 1
            }
        }
        falls = Self.entropy(steps) / Double(8 * lists.count)
        sources = Self.entropy(labels) / Double(8 * lists.count)
    }

    private static func rowBits(_ lists: [[Candidate]]) -> Double {
        var counts: [UInt32: Double] = [:]
        for candidate in lists.joined() { counts[candidate.row, default: 0] += 1 }
        let total = counts.values.reduce(0, +)
        return lists.reduce(0) { bits, list in
            var left = total
            return list.reduce(bits) { bits, candidate in
                let count = counts[candidate.row] ?? 1
                defer { left = max(count, left - count) }
                return bits + log2(left / count)
            }
        }
    }

    /// Bits of all values, by how often each occurs among those of its first key.
    private static func entropy(_ counts: [[Int]: Double]) -> Double {
        var sums: [Int: Double] = [:]
        for (key, count) in counts { sums[key[0], default: 0] += count }
        return counts.reduce(0) { $0 - $1.value * log2($1.value / (sums[$1.key[0]] ?? 1)) }
    }

    private static func bits(_ score: Float) -> Int {
        let bits = Int(Float16(score == 0 ? 0 : score).bitPattern)
        return bits & 0x8000 != 0 ? 0xFFFF - bits : bits | 0x8000
    }
}
