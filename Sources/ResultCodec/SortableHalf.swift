/// Scores as float16, in 16 bits whose unsigned order is the order of the scores, so that a ranked list only falls.
enum SortableHalf {
    /// The largest finite float16.
    static let largest: Float = 65504
    /// The bits of -65504 to 65504; what lies outside is infinite or no number.
    static let finite: ClosedRange<UInt16> = 0x0400...0xFBFF

    /// - Parameter score: within ±``largest``. Minus zero counts as zero: its bits would make a rise of a tie.
    static func bits(_ score: Float) -> UInt16 {
        let half = Float16(score)
        let bits = half == 0 ? 0 : half.bitPattern
        return bits & 0x8000 != 0 ? ~bits : bits | 0x8000
    }

    /// - Parameter sortable: within ``finite``.
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
