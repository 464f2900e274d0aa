/// Chooses the bands of a list: those that take the fewest bits, among bands that begin and end at powers of two.
///
/// Dynamic programming over borders: 0 covers nothing, border b every row below 2^b. All ends are tried at a time, in
/// vectors of 16-bit numbers, for which the counts of long lists are scaled down. Borders within an octave would save
/// 1 % of the bits of the rows.
struct BandChooser: Sendable {
    private static let borders = 32
    /// A band behind the first covers so many octaves at most; one that is wider wastes its bits.
    private static let reach = 8
    /// Keeps every sum of bits in 16: `largestCount` rows of 31 bits are fewer than ``unreachable``, twice that fits.
    private static let largestCount = 500
    private static let unreachable: Int16 = 16_000

    /// Where ``table`` holds, by border b: the rows below it; for each d up to ``reach`` the bits of the rows of a band
    /// from b - d to b; for each k the bits of all rows below b in at most k bands. In front of the first and the last
    /// there are places for borders below 0.
    private static let covered = reach
    private static let costs = covered + borders
    private static let fewest = costs + reach * borders
    private var table: [Int16]

    init() {
        table = [Int16](repeating: 0, count: Self.fewest + (Self.reach + Self.borders) * (BandTable.mostBands + 1))
        for bands in 0...BandTable.mostBands {
            for place in 1...Self.reach { table[Self.fewest(bands) - place] = Self.unreachable }
        }
    }

    /// - Parameters:
    ///   - lengths: how many rows have 0, 1 ... 32 bits.
    ///   - count: rows in all, at least one.
    mutating func choose(lengths: Span<UInt32>, count: Int) -> BandTable {
        guard lengths[32] == 0 else { return .whole }
        var last = 31
        while lengths[last] == 0 && last > 1 { last -= 1 }
        let lanes = last / 8 * 8 + 8
        var table = table.mutableSpan
        Self.cover(lengths, count: count, in: &table)
        Self.measure(lanes: lanes, in: &table)
        var best = (bands: 1, bits: Int.max)
        for bands in 1...BandTable.mostBands {
            if bands > 1 { Self.addBand(bands, lanes: lanes, in: &table) }
            guard bands.nonzeroBitCount == 1 else { continue }
            let rowBits = Int(table[Self.fewest(bands) + last]) * max(count, Self.largestCount) / Self.largestCount
            let bits = rowBits + count * bands.trailingZeroBitCount + 2 * bands
            if bits < best.bits { best = (bands, bits) }
        }
        return BandTable(count: best.bands, widening: Self.widths(bands: best.bands, last: last, in: table.span))
    }

    /// Counts, or in lists of more than ``largestCount`` shares of that many; with them the bits of one band.
    private static func cover(_ lengths: Span<UInt32>, count: Int, in table: inout MutableSpan<Int16>) {
        var sum = lengths[0]
        table[covered] = 0
        table[fewest(1)] = 0
        for border in 1..<borders {
            sum &+= lengths[border]
            let share = count <= largestCount ? Int(sum) : Int(sum) * largestCount / count
            table[covered + border] = Int16(truncatingIfNeeded: share)
            table[fewest(1) + border] = Int16(truncatingIfNeeded: share &* border)
        }
    }

    /// The bits of the rows of every band: b for each, but b - 1 where it covers the one octave below b only, because its
    /// lowest row need not be 0.
    private static func measure(lanes: Int, in table: inout MutableSpan<Int16>) {
        for distance in 1...reach {
            let row = costs + (distance - 1) * borders
            let narrower: Int16 = distance == 1 ? 1 : 0
            forEachPlace(below: lanes) { b in
                let rows = table[unchecked: covered &+ b] &- table[unchecked: covered &+ b &- distance]
                table[unchecked: row &+ b] = rows &* (Int16(truncatingIfNeeded: b) &- narrower)
            }
        }
        // Below 2 there is no octave to begin at.
        table[costs + 1] = table[covered + 1]
    }

    /// The newest band ends at b, and begins at the best of the borders that reach there; or there is none.
    private static func addBand(_ bands: Int, lanes: Int, in table: inout MutableSpan<Int16>) {
        let before = fewest(bands - 1)
        let after = fewest(bands)
        forEachPlace(below: lanes) { b in
            func ended(_ distance: Int) -> Int16 {
                table[unchecked: before &+ b &- distance] &+ table[unchecked: costs &+ (distance &- 1) &* borders &+ b]
            }
            let near = min(min(ended(1), ended(2)), min(ended(3), ended(4)))
            let far = min(min(ended(5), ended(6)), min(ended(7), ended(8)))
            table[unchecked: after &+ b] = min(table[unchecked: before &+ b], min(near, far))
        }
    }

    /// Walks back from the last border over the bands that made the fewest bits.
    private static func widths(bands: Int, last: Int, in table: Span<Int16>) -> SIMD8<UInt8> {
        // The highest band first; lists that need fewer bands end with some that repeat the width of the highest.
        var found = SIMD8<UInt8>()
        var foundCount = 0
        var end = last
        var left = bands
        while end > 0 {
            let bits = table[unchecked: fewest(left) + end]
            var distance = end
            if left > 1 {
                if bits == table[unchecked: fewest(left - 1) + end] {
                    left -= 1
                    continue
                }
                distance = 1
                var cost = costs + end
                let before = fewest(left - 1) + end
                while table[unchecked: before &- distance] &+ table[unchecked: cost] != bits {
                    distance &+= 1
                    cost &+= borders
                }
            }
            found[foundCount] = UInt8(left > 1 && distance == 1 && end > 1 ? end - 1 : end)
            foundCount += 1
            end -= distance
            left -= 1
        }
        var widths = SIMD8<UInt8>(repeating: found[0])
        for band in 0..<foundCount { widths[band] = found[foundCount - 1 - band] }
        return widths
    }

    @inline(__always)
    private static func fewest(_ bands: Int) -> Int { fewest + bands * (reach + borders) + reach }
}
