/// The rows of one list, to find a repeat; emptied in no time, because slots remember which list filled them.
struct RowSet {
    /// List number in the high half, row in the low half; open addressing, at most half full.
    private var slots: [UInt64] = []
    private var list: UInt32 = 0

    /// Forgets all rows and makes room for `count`.
    mutating func reset(for count: Int) {
        list &+= 1
        var size = max(slots.count, 16)
        while size < 2 * count { size *= 2 }
        if size > slots.count || list == 0 {
            slots = [UInt64](repeating: 0, count: size)
            list = 1
        }
    }

    /// Whether the row is new to this list.
    mutating func insert(_ row: UInt32) -> Bool {
        let wanted = UInt64(list) << 32 | UInt64(row)
        let mask = slots.count - 1
        var slot = Int(truncatingIfNeeded: (UInt64(row) &* 0x9e37_79b9_7f4a_7c15) >> 32) & mask
        while slots[slot] >> 32 == UInt64(list) {
            if slots[slot] == wanted { return false }
            slot = (slot + 1) & mask
        }
        slots[slot] = wanted
        return true
    }
}
