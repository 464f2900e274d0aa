import Domain

/// A list as the codecs want it: checked, in columns, its scores as falls. Keeps its columns for the next one.
struct RankedList: Sendable {
    /// What stands behind the sources.
    static let noSource: UInt8 = 0xFF
    /// Every column may be read for so many places behind its end.
    private static let room = 32

    private(set) var count = 0
    /// Zeros behind the end.
    private(set) var rows: [UInt32] = []
    /// How far each score falls below the one before, in sortable bits; 0 at rank 0, zeros behind the end.
    private(set) var falls: [UInt16] = []
    /// Raw values, ``noSource`` behind the end.
    private(set) var sources: [UInt8] = []
    private(set) var sourceCounts = SourceCounts()
    /// Sortable bits of the first score.
    private(set) var firstBits: UInt16 = 0
    /// How many rows have 0, 1 ... 32 bits.
    private(set) var rowLengths = [UInt32](repeating: 0, count: 33)
    private var rowSet = RowSet()

    /// Overwrites the list; where it throws, what it held is gone.
    mutating func take(_ candidates: some RandomAccessCollection<Candidate>) throws(PayloadError) {
        guard candidates.count <= PayloadHeader.longestList else { throw .tooManyCandidates(candidates.count) }
        let taken = candidates.withContiguousStorageIfAvailable { candidates in
            Result { () throws(PayloadError) in try take(candidates.span) }
        }
        if let taken { try taken.get() } else { try take(Array(candidates).span) }
    }

    private mutating func take(_ candidates: Span<Candidate>) throws(PayloadError) {
        makeRoom(for: candidates.count)
        try takeScores(candidates)
        takeFirstScore()
        try takeRows(candidates)
        sourceCounts = takeSources(candidates)
    }

    private mutating func takeSources(_ candidates: Span<Candidate>) -> SourceCounts {
        var counts = SourceCounts()
        var sources = sources.mutableSpan
        for rank in candidates.indices { sources[unchecked: rank] = counts.add(candidates[unchecked: rank].source) }
        return counts
    }

    /// Leaves zeros and ``noSource`` behind the end, so that nothing depends on the list before.
    private mutating func makeRoom(for count: Int) {
        self.count = count
        let places = count + Self.room
        if rows.count < places {
            rows = [UInt32](repeating: 0, count: places)
            falls = [UInt16](repeating: 0, count: places)
            sources = [UInt8](repeating: 0, count: places)
        }
        for place in count..<places {
            rows[place] = 0
            falls[place] = 0
            sources[place] = Self.noSource
        }
    }

    private mutating func takeScores(_ candidates: Span<Candidate>) throws(PayloadError) {
        var falls = falls.mutableSpan
        var scoreBefore = Float.infinity
        var bitsBefore: UInt16 = 0
        for rank in candidates.indices {
            let score = candidates[unchecked: rank].score
            guard score.magnitude <= SortableHalf.largest, score <= scoreBefore else {
                throw Self.fault(score, at: rank)
            }
            // Rounding keeps the order, so no fall is below zero.
            let bits = SortableHalf.bits(score)
            falls[unchecked: rank] = bitsBefore &- bits
            scoreBefore = score
            bitsBefore = bits
        }
    }

    /// The fall into rank 0, from bits 0, is the first score turned about.
    private mutating func takeFirstScore() {
        firstBits = 0 &- falls[0]
        falls[0] = 0
    }

    private static func fault(_ score: Float, at rank: Int) -> PayloadError {
        if !score.isFinite { return .nonFiniteScore(at: rank) }
        return score.magnitude <= SortableHalf.largest ? .scoresNotFalling(at: rank) : .scoreOutOfRange(score, at: rank)
    }

    private mutating func takeRows(_ candidates: Span<Candidate>) throws(PayloadError) {
        rowSet.reset(for: candidates.count)
        var rows = rows.mutableSpan
        for rank in candidates.indices { rows[unchecked: rank] = candidates[unchecked: rank].row }
        if let rank = rowSet.firstRepeat(candidates) {
            throw .duplicateRow(candidates[rank].row, at: rank)
        }
        countLengths(candidates)
    }

    private mutating func countLengths(_ candidates: Span<Candidate>) {
        var lengths = rowLengths.mutableSpan
        for length in lengths.indices { lengths[length] = 0 }
        for rank in candidates.indices { lengths[unchecked: candidates[unchecked: rank].row.bitLength] &+= 1 }
    }
}

extension RankedList {
    /// The scores as codecs 0 to 3 have them: the first, then the falls.
    func step(_ rank: Int) -> UInt16 { rank == 0 ? firstBits : falls[rank] }
}
