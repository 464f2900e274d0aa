/// The rows of one list, to find a repeat; emptied in no time, because slots remember which list filled them.
struct RowSet {
    /// List number in the high half, row in the low half; open addressing, at most one in eight full, so that
    /// a search seldom goes on.
    private var slots: [UInt64] = []
    private var list: UInt32 = 0

    /// Forgets all rows and makes room for `count`.
    mutating func reset(for count: Int) {
        list &+= 1
        var size = max(slots.count, 16)
        while size < 8 * count { size *= 2 }
        if size > slots.count || list == 0 {
            slots = [UInt64](repeating: 0, count: size)
            list = 1
        }
    }

    /// Where the first row stands that came before in this list; nil where none does.
    mutating func firstRepeat(_ rows: [UInt32], _ count: Int) -> Int? {
        let rows = rows.span
        let marked = UInt64(list) << 32
        let shift = UInt64(slots.count.leadingZeroBitCount + 1)
        let mask = slots.count - 1
        var slots = slots.mutableSpan
        var rank = 0
        while rank < count {
            let wanted = marked | UInt64(rows[unchecked: rank])
            var slot = Int(truncatingIfNeeded: (wanted &* 0x9e37_79b9_7f4a_7c15) &>> shift)
            while slots[unchecked: slot] &>> 32 == marked &>> 32 {
                if slots[unchecked: slot] == wanted { return rank }
                slot = (slot &+ 1) & mask
            }
            slots[unchecked: slot] = wanted
            rank &+= 1
        }
        return nil
    }
}
