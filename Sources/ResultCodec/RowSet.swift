import CBands

/// The rows of one list, to find a repeat; emptied in no time, because slots remember which list filled them.
struct RowSet {
    /// List number in the high half, rank in the low half; open addressing, at most one in sixteen full, so that
    /// a search seldom goes on.
    private var slots: [UInt32] = []
    /// Of the list; not 0, which is in slots that were never filled.
    private var number: UInt32 = 0

    /// Forgets all rows and makes room for `count`.
    mutating func reset(for count: Int) {
        number = (number + 1) & 0xFFFF
        var size = max(slots.count, 16)
        while size < 16 * count { size *= 2 }
        if size > slots.count || number == 0 {
            slots = [UInt32](repeating: 0, count: size)
            number = 1
        }
    }

    /// Where the first row stands that came before in this list; nil where none does.
    mutating func firstRepeat(_ rows: [UInt32], _ count: Int) -> Int? {
        let rows = rows.span
        let shift = 32 - UInt32(slots.count.trailingZeroBitCount)
        let mask = slots.count - 1
        let number = number
        var slots = slots.mutableSpan
        for rank in 0..<count {
            var slot = Int(truncatingIfNeeded: (rows[rank] &* 0x9e37_79b1) &>> shift)
            while slots[slot] &>> 16 == number {
                if rows[Int(slots[slot] & 0xFFFF)] == rows[rank] { return rank }
                slot = (slot &+ 1) & mask
            }
            slots[slot] = number &<< 16 | UInt32(truncatingIfNeeded: rank)
        }
        return nil
    }

    /// ``firstRepeat(_:_:)`` in C.
    mutating func firstRepeatQuickly(_ rows: [UInt32], _ count: Int) -> Int? {
        let bits = Int32(slots.count.trailingZeroBitCount)
        let number = number
        let rank = rows.withUnsafeBufferPointer { rows in
            slots.withUnsafeMutableBufferPointer { slots in
                unsafe nearline_first_repeat(rows.baseAddress, count, slots.baseAddress, bits, number)
            }
        }
        return rank < 0 ? nil : rank
    }
}
