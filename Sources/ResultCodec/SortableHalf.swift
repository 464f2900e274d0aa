/// Scores as float16, in 16 bits whose unsigned order is the order of the scores, so that a ranked list only falls.
enum SortableHalf {
    /// The largest finite float16.
    static let largest: Float = 65504
    /// The bits of -65504 to 65504; what lies outside is infinite or no number.
    static let finite: ClosedRange<UInt16> = 0x0400...0xFBFF

    /// The nearest float16, of two as near the even one. By hand, as Float16(score) is a library call on plain x86-64.
    ///
    /// - Parameter score: within ±``largest``. Minus zero counts as zero: its bits would make a rise of a tie.
    @inline(__always)
    static func bits(_ score: Float) -> UInt16 {
        let magnitude = score.magnitude.bitPattern
        // Below the smallest normal float16 the sum with 0.5 does the rounding: its last bit is 2^-24, as there.
        let small = (score.magnitude + 0.5).bitPattern &- (0.5 as Float).bitPattern
        let normal = (magnitude &- 0x3800_0000 &+ 0x0FFF &+ (magnitude &>> 13 & 1)) &>> 13
        // Masks instead of branches, so that a loop over scores becomes vectors.
        let isSmall = 0 &- UInt32((magnitude < 0x3880_0000).number)
        let half = small & isSmall | normal & ~isSmall
        let isNegative = 0 &- (score.bitPattern &>> 31 & UInt32((half != 0).number))
        return UInt16(truncatingIfNeeded: (half | 0x8000) ^ isNegative)
    }

    /// - Parameter sortable: within ``finite``.
    @inline(__always)
    static func score(_ sortable: UInt16) -> Float {
        let isPositive = sortable & 0x8000 != 0
        let magnitude = (isPositive ? sortable : ~sortable) & 0x7FFF
        // Exponent and fraction of a finite float16, moved to float32's place, lack only the difference of the biases:
        // exact, also below the smallest normal number, and without the library call that Float(Float16) is on plain
        // x86-64.
        let scaled = Float(bitPattern: UInt32(magnitude) << 13) * 0x1p112
        return isPositive ? scaled : -scaled
    }
}
