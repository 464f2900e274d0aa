/// `for place in 0..<count`, as a loop with one exit: a range keeps a second one, for overflow, and that keeps the
/// compiler from working on vectors.
@inline(__always)
func forEachPlace(below count: Int, _ body: (Int) -> Void) {
    var place = 0
    while place < count {
        body(place)
        place &+= 1
    }
}

extension Bool {
    /// 1 where true, else 0; `self ? 1 : 0` is a branch, which keeps a loop from becoming vectors.
    @inline(__always)
    var number: UInt8 { unsafeBitCast(self, to: UInt8.self) }
}
