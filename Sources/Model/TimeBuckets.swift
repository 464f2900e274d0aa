#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// Log-spaced buckets of a time difference: `floor(ln(max(1, seconds)) / 0.301)`, clamped (HSTU, arXiv:2402.17152).
///
/// Each bucket is 1.35 times as long as the one before; seconds are whole, so the logarithm is taken once per border.
package struct TimeBuckets: Sendable {
    private let first: [Int64]
    private let startOfWidth: [Int]

    package init(count: Int) {
        precondition(count > 0 && count <= 256)
        var first: [Int64] = [0]
        for b in 1..<max(2, count) where b < count {
            let start = exp(Double(b) * 0.301)
            // No difference of two instants is longer than this.
            guard start < 0x1p63 else { break }
            var border = Int64(start.rounded(.down))
            while TimeBuckets.formula(border) >= b { border -= 1 }
            while TimeBuckets.formula(border) < b { border += 1 }
            first.append(border)
        }
        self.first = first
        // For each number of significant bits, the bucket of the smallest such number: where the search begins.
        startOfWidth = (0...64).map { bits in
            let smallest = bits == 0 ? 0 : (bits >= 64 ? Int64.max : Int64(1) << (bits - 1))
            return (first.lastIndex { $0 <= smallest }) ?? 0
        }
    }

    package func bucket(_ seconds: Int64) -> Int {
        guard seconds > 0 else { return 0 }
        var b = startOfWidth[64 - seconds.leadingZeroBitCount]
        while b + 1 < first.count, first[b + 1] <= seconds { b += 1 }
        return b
    }

    /// For `S` instants in rising order the buckets of the time from each to those before it: `[S, S]`, of which the rest stays as
    /// it is.
    package func pairs(of times: UnsafeBufferPointer<Int64>, into out: UnsafeMutableBufferPointer<UInt8>) {
        let S = times.count
        first.withUnsafeBufferPointer { first in
            for q in 0..<S {
                // Of an instant nearer by the bucket is the same or a little lower.
                var b = q > 0 ? bucket(times[q] - times[0]) : 0
                for k in 0..<q {
                    let seconds = times[q] - times[k]
                    while b > 0, first[b] > seconds { b -= 1 }
                    while b + 1 < first.count, first[b + 1] <= seconds { b += 1 }
                    out[q * S + k] = UInt8(truncatingIfNeeded: b)
                }
            }
        }
    }

    private static func formula(_ seconds: Int64) -> Int { Int((log(Double(max(1, seconds))) / 0.301).rounded(.down)) }
}
