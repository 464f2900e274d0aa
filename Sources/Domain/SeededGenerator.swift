#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// SplitMix64: a small seeded generator, so that the same seed gives the same simulation, batches and dropout everywhere.
///
/// Source: Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators".
package struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    /// A generator for one purpose (an epoch, a user, a week), independent of how much the others drew.
    package init(seed: UInt64, stream: UInt64...) {
        var mixed = SeededGenerator(seed: seed)
        for part in stream { mixed = SeededGenerator(seed: mixed.next() ^ (part &* 0x9e37_79b9_7f4a_7c15)) }
        self = mixed
    }

    package mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    /// Uniform in [0, 1).
    package mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// Uniform in 0..<bound, by multiply-high: the bias is below bound / 2^64.
    package mutating func below(_ bound: Int) -> Int { Int(next().multipliedFullWidth(by: UInt64(bound)).high) }
}

extension SeededGenerator {
    /// Standard normal, by Box and Muller.
    package mutating func normal() -> Double {
        let radius = (-2 * log(1 - uniform())).squareRoot()
        return radius * cos(2 * .pi * uniform())
    }
}
