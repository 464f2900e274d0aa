/// Which rows of a table some lists hold, and where each of theirs is among them.
///
/// A batch has tens of thousands, and while they are put in order only one core is at work: they are sorted digit by digit,
/// which needs no hashing and no comparisons.
package struct SortedRows {
    /// Ascending, each once.
    package private(set) var distinct: [Int32] = []
    /// As the lists, in places of ``distinct``.
    package private(set) var places: [[Int32]]

    private static let digit = 11

    /// - Parameter lists: of rows that are not negative.
    package init(_ lists: [[Int32]]) {
        places = lists
        // A row, and where it was met.
        var sorted = lists.joined().enumerated().map { UInt64($0.element) << 32 | UInt64($0.offset) }
        let bits = 32 - (lists.lazy.joined().max() ?? 0).leadingZeroBitCount
        var spare = sorted
        for shift in stride(from: 32, to: 32 + bits, by: Self.digit) {
            Self.sort(sorted, byDigitAt: shift, into: &spare)
            swap(&sorted, &spare)
        }
        var begins: [Int] = [0]
        for list in lists { begins.append(begins[begins.count - 1] + list.count) }
        var placeOf = [Int32](repeating: 0, count: sorted.count)
        for entry in sorted {
            let row = Int32(entry >> 32)
            if distinct.last != row { distinct.append(row) }
            placeOf[Int(entry & 0xffff_ffff)] = Int32(distinct.count - 1)
        }
        for (i, begin) in begins.dropLast().enumerated() { places[i] = Array(placeOf[begin..<begins[i + 1]]) }
    }

    /// Equal digits keep their order.
    private static func sort(_ entries: [UInt64], byDigitAt shift: Int, into out: inout [UInt64]) {
        let mask = UInt64(1) << digit - 1
        var next = [Int](repeating: 0, count: Int(mask) + 2)
        for entry in entries { next[Int(entry >> UInt64(shift) & mask) + 1] += 1 }
        for value in 1..<next.count { next[value] += next[value - 1] }
        for entry in entries {
            let value = Int(entry >> UInt64(shift) & mask)
            out[next[value]] = entry
            next[value] += 1
        }
    }
}
