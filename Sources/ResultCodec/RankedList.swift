import CBands
import Domain

/// A list as the codecs want it: checked, in columns, its scores as falls. Keeps its columns for the next one.
struct RankedList: Sendable {
    /// What stands behind the sources.
    static let noSource: UInt8 = 0xFF
    /// Every column may be read for so many places behind its end.
    private static let room = Int(NEARLINE_ROOM)

    private(set) var count = 0
    /// Zeros behind the end.
    var rows: [UInt32] = []
    var scores: [Float] = []
    /// Sortable bits of the scores.
    var halves: [UInt16] = []
    /// How far each score falls below the one before, in sortable bits; 0 at rank 0, zeros behind the end.
    var falls: [UInt16] = []
    /// Raw values, ``noSource`` behind the end.
    var sources: [UInt8] = []
    private(set) var sourceCounts = SourceCounts()
    /// Sortable bits of the first score.
    private(set) var firstBits: UInt16 = 0
    /// How many rows have 0, 1 ... 32 bits.
    var rowLengths = [UInt32](repeating: 0, count: 33)
    /// The bits that any row has.
    private(set) var anyRow: UInt32 = 0
    private var rowSet = RowSet()
    private let isReadable: Bool

    /// - Parameter isReadable: whether the loops are those in Swift, to which the tests hold the ones in C.
    init(isReadable: Bool = false) { self.isReadable = isReadable }

    mutating func take(_ candidates: some RandomAccessCollection<Candidate>) throws(PayloadError) {
        let taken = candidates.withContiguousStorageIfAvailable { candidates in
            Result { () throws(PayloadError) in try take(candidates.span) }
        }
        if let taken { try taken.get() } else { try take(Array(candidates).span) }
    }

    /// Overwrites the list; where it throws, what it held is gone.
    mutating func take(_ candidates: Span<Candidate>) throws(PayloadError) {
        guard candidates.count <= PayloadHeader.longestList else { throw .tooManyCandidates(candidates.count) }
        makeRoom(for: candidates.count)
        guard isReadable ? takeReadably(candidates) : takeQuickly(candidates) else { throw fault() }
        rowSet.reset(for: count)
        let rank = isReadable ? rowSet.firstRepeat(rows, count) : rowSet.firstRepeatQuickly(rows, count)
        if let rank { throw .duplicateRow(rows[rank], at: rank) }
    }

    /// Fills columns and counts; false where a score is at fault.
    private mutating func takeQuickly(_ candidates: Span<Candidate>) -> Bool {
        precondition(MemoryLayout<Candidate>.stride == MemoryLayout<nearline_candidate>.stride, "C reads candidates")
        var counts = nearline_counts()
        let count = count
        let isTaken = candidates.withUnsafeBufferPointer { candidates in
            withMutableColumns { columns in
                let first = UnsafeRawPointer(candidates.baseAddress)
                return unsafe nearline_take(
                    first?.assumingMemoryBound(to: nearline_candidate.self), count, columns, &counts)
            }
        }
        sourceCounts = SourceCounts(runs: Int(counts.runs), counts: counts.sources)
        firstBits = halves[0]
        anyRow = counts.any_row
        return isTaken
    }

    /// ``takeQuickly(_:)``, step by step.
    private mutating func takeReadably(_ candidates: Span<Candidate>) -> Bool {
        Self.columns(candidates, &rows, &scores)
        sourceCounts = takeSources(candidates)
        guard Self.halves(scores, count, &halves) else { return false }
        takeFalls()
        Self.countLengths(rows, count, &rowLengths)
        return true
    }

    /// Leaves zeros and ``noSource`` behind the end, so that nothing depends on the list before.
    private mutating func makeRoom(for count: Int) {
        self.count = count
        let places = count + Self.room
        if rows.count < places {
            rows = [UInt32](repeating: 0, count: places)
            scores = [Float](repeating: 0, count: places)
            halves = [UInt16](repeating: 0, count: places)
            falls = [UInt16](repeating: 0, count: places)
            sources = [UInt8](repeating: 0, count: places)
        }
        guard isReadable else { return }
        for place in count..<places {
            rows[place] = 0
            falls[place] = 0
            sources[place] = Self.noSource
        }
    }

    private static func columns(_ candidates: Span<Candidate>, _ rows: inout [UInt32], _ scores: inout [Float]) {
        var rows = rows.mutableSpan
        var scores = scores.mutableSpan
        forEachPlace(below: candidates.count) { rank in
            rows[unchecked: rank] = candidates[unchecked: rank].row
            scores[unchecked: rank] = candidates[unchecked: rank].score
        }
    }

    private mutating func takeSources(_ candidates: Span<Candidate>) -> SourceCounts {
        var counts = SourceCounts()
        var sources = sources.mutableSpan
        forEachPlace(below: candidates.count) { rank in
            sources[unchecked: rank] = counts.add(candidates[unchecked: rank].source)
        }
        return counts
    }

    /// Sortable bits of all scores; false where one of them is no score, or rises.
    private static func halves(_ scores: [Float], _ count: Int, _ halves: inout [UInt16]) -> Bool {
        let scores = scores.span
        var halves = halves.mutableSpan
        var faults: UInt8 = 0
        forEachPlace(below: count) { rank in
            let score = scores[unchecked: rank]
            faults |= (score.magnitude <= SortableHalf.largest).number ^ 1
            halves[unchecked: rank] = SortableHalf.bits(score)
        }
        forEachPlace(below: max(0, count - 1)) { rank in
            faults |= (scores[unchecked: rank] >= scores[unchecked: rank &+ 1]).number ^ 1
        }
        return faults == 0
    }

    /// What is wrong with the first score that is.
    private func fault() -> PayloadError {
        for rank in 0..<count {
            let score = scores[rank]
            if !score.isFinite { return .nonFiniteScore(at: rank) }
            if score.magnitude > SortableHalf.largest { return .scoreOutOfRange(score, at: rank) }
            if rank > 0 && score > scores[rank - 1] { return .scoresNotFalling(at: rank) }
        }
        preconditionFailure("a fault was found before")
    }

    private mutating func takeFalls() {
        firstBits = count > 0 ? halves[0] : 0
        Self.falls(halves, count, &falls)
    }

    /// Rounding keeps the order, so no fall is below zero.
    private static func falls(_ halves: [UInt16], _ count: Int, _ falls: inout [UInt16]) {
        let halves = halves.span
        var falls = falls.mutableSpan
        falls[0] = 0
        forEachPlace(below: max(0, count - 1)) { rank in
            falls[unchecked: rank &+ 1] = halves[unchecked: rank] &- halves[unchecked: rank &+ 1]
        }
    }

    private static func countLengths(_ rows: [UInt32], _ count: Int, _ lengths: inout [UInt32]) {
        let rows = rows.span
        var lengths = lengths.mutableSpan
        for length in 0..<33 { lengths[unchecked: length] = 0 }
        forEachPlace(below: count) { lengths[unchecked: rows[unchecked: $0].bitLength] &+= 1 }
    }
}

extension RankedList {
    /// The scores as codecs 0 to 3 have them: the first, then the falls.
    func step(_ rank: Int) -> UInt16 { rank == 0 ? firstBits : falls[rank] }
}
