/// The falls of score as Rice numbers: how often 2^parameter goes into a fall, in unary, then `parameter` bits of rest.
///
/// The falls into ranks 1...3, 4...15, 16...63 (4^g ..< 4^(g + 1), ranks from 0) share a parameter each, because the
/// gaps of a ranked list shrink with the rank: those of the best of many draws as 1 / rank.
///
/// Source: Rice 1979, "Some practical universal noiseless coding techniques".
enum FallCode {
    /// Says that all falls of a group are 0, and that nothing is written of them.
    static let none = 15
    static let parameterWidth = 4
    /// A quotient that says: the fall is too large for its group, and follows in ``wholeWidth`` bits.
    static let whole = 15
    static let wholeWidth = 16

    /// The ranks of a group in a list of `count`; empty where the list ends before.
    static func ranks(of group: Int, count: Int) -> Range<Int> {
        let begin = min(count, 1 << (2 * group))
        return begin..<min(count, 1 << (2 * group + 2))
    }

    static func groupCount(_ count: Int) -> Int {
        count < 2 ? 0 : ((count - 1).bitLength + 1) / 2
    }

    /// The parameter that makes a group's falls shortest.
    ///
    /// - Parameters:
    ///   - falls: by rank.
    ///   - ranks: of one group.
    static func parameter(_ falls: Span<UInt16>, _ ranks: Range<Int>) -> Int {
        var best = estimate(falls, ranks)
        guard best != none else { return none }
        var bits = bitCount(falls, ranks, parameter: best)
        // The bits fall to one lowest place and rise behind it: walk down to it, or else up.
        for step in [-1, 1] {
            while (0..<none).contains(best + step) {
                let next = bitCount(falls, ranks, parameter: best + step)
                guard next < bits else { break }
                best += step
                bits = next
            }
        }
        return best
    }

    /// Where to begin: the logarithm of the mean, ``none`` where all falls are 0.
    private static func estimate(_ falls: Span<UInt16>, _ ranks: Range<Int>) -> Int {
        var sum = 0
        forEachPlace(below: ranks.count) { sum &+= Int(falls[unchecked: ranks.lowerBound &+ $0]) }
        guard sum > 0 else { return none }
        return min(none - 1, max(0, (sum / ranks.count).bitLength - 1))
    }

    private static func bitCount(_ falls: Span<UInt16>, _ ranks: Range<Int>, parameter: Int) -> Int {
        let shift = UInt16(truncatingIfNeeded: parameter)
        var quotients: UInt32 = 0
        var wholes: UInt32 = 0
        forEachPlace(below: ranks.count) { place in
            let quotient = min(falls[unchecked: ranks.lowerBound &+ place] &>> shift, UInt16(whole))
            quotients &+= UInt32(quotient)
            wholes &+= UInt32((quotient == UInt16(whole)).number)
        }
        return Int(quotients) + ranks.count * (1 + parameter) + Int(wholes) * (wholeWidth - parameter)
    }
}

extension FixedWidthInteger {
    /// The bits up to the highest one; 0 for 0.
    var bitLength: Int { Self.bitWidth - leadingZeroBitCount }
}
