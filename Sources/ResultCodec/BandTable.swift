/// The bands that cover the rows of a list: each begins where the one before it ends and is a power of two wide, so
/// that a row is the number of its band and a few bits.
///
/// Widths (in bits) never fall from band to band and rise by at most ``steepest``; frequent rows are low.
struct BandTable: Equatable {
    static let mostBands = 8
    static let steepest = 3
    static let widest = 31

    /// 1, 2, 4 or 8.
    let count: Int
    /// Those behind `count` are not used.
    let widths: SIMD8<UInt8>

    /// Bits of a band's number.
    var selectorWidth: Int { count.trailingZeroBitCount }

    /// The lowest row of every band.
    var bases: SIMD8<UInt64> {
        var bases = SIMD8<UInt64>()
        for band in 1..<Self.mostBands { bases[band] = bases[band - 1] + 1 << UInt64(widths[band - 1]) }
        return bases
    }

    /// Covers every row that there can be.
    static let whole = BandTable(count: 2, widths: SIMD8(repeating: 31))

    init(count: Int, widths: SIMD8<UInt8>) {
        self.count = count
        self.widths = widths
    }

    /// Widens bands until no width falls and none rises too steeply.
    init(count: Int, widening drawn: SIMD8<UInt8>) {
        var widths = drawn
        for band in 1..<Self.mostBands { widths[band] = max(widths[band], widths[band - 1]) }
        for band in (0..<Self.mostBands - 1).reversed() where widths[band] + UInt8(Self.steepest) < widths[band + 1] {
            widths[band] = widths[band + 1] - UInt8(Self.steepest)
        }
        self.init(count: count, widths: widths)
    }
}

extension BandTable {
    /// Two bits for the number of bands, five for the first width, two for each rise.
    func write(into bits: inout BitWriter) {
        bits.append(selectorWidth, width: 2)
        bits.append(Int(widths[0]), width: 5)
        for band in 1..<count { bits.append(Int(widths[band] - widths[band - 1]), width: 2) }
    }

    /// Nil where a band is wider than any row.
    init?(reading bits: inout BitReader) {
        let head = bits.next(7)
        count = 1 << (head >> 5)
        var width = head & 31
        let rises = bits.next(2 * (count - 1))
        var widths = SIMD8<UInt8>()
        widths[0] = UInt8(width)
        for band in 1..<count {
            width += rises >> (2 * (count - 1 - band)) & 3
            widths[band] = UInt8(width)
        }
        guard width <= Self.widest else { return nil }
        self.widths = widths
    }
}
