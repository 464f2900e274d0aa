import Domain
import Foundation
import Model
import Testing

@Suite struct TimeBucketsTests {
    private func formula(_ seconds: Int64, count: Int) -> Int {
        min(count - 1, Int((log(Double(max(1, seconds))) / 0.301).rounded(.down)))
    }

    @Test(arguments: [1, 2, 3, 16, 64, 100, 145])
    func bucketsAreTheFormulaOnBothSidesOfEveryBorder(_ count: Int) {
        let buckets = TimeBuckets(count: count)
        var seconds: Set<Int64> = [.min, -1, 0, 1, 2, 3, .max, .max - 1]
        for bucket in 0..<min(count, 140) {
            let border = Int64(exp(Double(bucket) * 0.301))
            seconds.formUnion((-3...3).map { border + $0 })
        }
        for bits in 0..<63 { seconds.formUnion([Int64(1) << bits, (Int64(1) << bits) - 1, (Int64(1) << bits) + 1]) }
        var draw = SeededGenerator(seed: 8)
        for _ in 0..<20_000 { seconds.insert(Int64(draw.next() >> UInt64(1 + draw.below(62)))) }
        for second in seconds where buckets.bucket(second) != formula(second, count: count) {
            Issue.record("\(second) s: \(buckets.bucket(second)), not \(formula(second, count: count))")
        }
    }

    @Test func bucketsNeverFall() {
        let buckets = TimeBuckets(count: 64)
        var last = 0
        for second in 0..<200_000 as Range<Int64> {
            let bucket = buckets.bucket(second)
            #expect(bucket >= last)
            last = bucket
        }
        #expect(last == formula(199_999, count: 64))
    }

    /// In a process of its own, as the count comes out of a file.
    @Test func asManyBucketsAsAByteCountsCanBeMade() async {
        await #expect(processExitsWith: .success) {
            let buckets = TimeBuckets(count: 256)
            #expect(buckets.bucket(.max) == Int((log(Double(Int64.max)) / 0.301).rounded(.down)))
        }
    }

    /// Instants that stand close, far apart, at one time, and one that lies before the others.
    @Test(arguments: [1, 2, 64]) func pairsHaveTheBucketsOfTheirDifferences(_ count: Int) {
        let buckets = TimeBuckets(count: count),
            times: [Int64] = [0, 1, 1, 90, 3600, 86_400, 86_401, 40, 9_000_000_000]
        var pairs = [UInt8](repeating: 255, count: times.count * times.count)
        times.withUnsafeBufferPointer { times in
            pairs.withUnsafeMutableBufferPointer { buckets.pairs(of: times, into: $0) }
        }
        for q in times.indices {
            for k in times.indices {
                #expect(pairs[q * times.count + k] == (k < q ? UInt8(buckets.bucket(times[q] - times[k])) : 255))
            }
        }
    }
}
