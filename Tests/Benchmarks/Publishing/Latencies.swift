/// Counts durations in buckets that are 1.6 % wide, so that a hundred million of them take no room.
struct Latencies: Sendable {
    private(set) var count = 0
    private(set) var longest: UInt64 = 0
    private var buckets = [Int](repeating: 0, count: 64 * Self.steps)
    private static let steps = 64

    mutating func add(_ nanoseconds: UInt64) {
        count += 1
        longest = max(longest, nanoseconds)
        buckets[Self.bucket(nanoseconds)] += 1
    }

    mutating func add(_ other: Latencies) {
        count += other.count
        longest = max(longest, other.longest)
        for bucket in buckets.indices { buckets[bucket] += other.buckets[bucket] }
    }

    /// The duration that a share of all do not exceed, in microseconds; NaN without any.
    func microseconds(_ share: Double) -> Double {
        guard count > 0 else { return .nan }
        var left = Int((Double(count) * share).rounded(.up))
        for (bucket, number) in buckets.enumerated() {
            left -= number
            if left <= 0 { return Double(min(Self.end(of: bucket), longest)) / 1000 }
        }
        return Double(longest) / 1000
    }

    /// Six bits behind the highest one tell the bucket within its power of two.
    private static func bucket(_ value: UInt64) -> Int {
        guard value >= UInt64(steps) else { return Int(value) }
        let shift = 57 - value.leadingZeroBitCount
        return (shift + 1) * steps + Int(value >> UInt64(shift)) - steps
    }

    private static func end(of bucket: Int) -> UInt64 {
        guard bucket >= steps else { return UInt64(bucket) }
        let shift = UInt64(bucket / steps - 1)
        return (UInt64(bucket % steps + steps) + 1) << shift - 1
    }
}
