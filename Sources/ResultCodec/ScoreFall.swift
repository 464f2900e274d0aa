/// Walks down the scores of a list being read: the first step is where it begins, every later one a fall.
struct ScoreFall {
    private var bits: UInt16 = 0

    mutating func score(after step: UInt16, at index: Int) throws(PayloadError) -> Float {
        if index == 0 {
            bits = step
        } else {
            guard step <= bits else { throw .scoresNotFalling(at: index) }
            bits -= step
        }
        guard SortableHalf.finite.contains(bits) else { throw .scoresNotFalling(at: index) }
        return SortableHalf.score(bits)
    }
}
