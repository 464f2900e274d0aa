import Domain

/// Codes in rising order, each once, with how often it was counted; in memory, or in a temporary file.
struct SortedRun: @unchecked Sendable {
    private enum Place {
        /// Pieces, one after the other.
        case memory([RunMemory])
        case file(TemporaryFile, offset: Int)
    }

    let count: Int
    private let place: Place

    /// - Parameter pieces: the codes of each are above those of the one before.
    init(_ pieces: [RunMemory]) {
        count = pieces.reduce(0) { $0 + $1.count }
        place = .memory(pieces)
    }

    /// A run whose blocks were written to `file` one after the other from `offset`.
    init(_ file: TemporaryFile, offset: Int, count: Int) {
        self.count = count
        place = .file(file, offset: offset)
    }

    /// What the run takes in memory.
    var memoryBytes: Int {
        if case .memory(let pieces) = place {
            pieces.reduce(0) { $0 + $1.capacity } * SortedRun.bytesPerCode
        } else {
            0
        }
    }

    static let bytesPerCode = 12
    /// Codes that are read or written in one go.
    static let block = 16_384

    var isInMemory: Bool { if case .memory = place { true } else { false } }

    /// Reads the run, or that part of one in memory whose codes are in `range`.
    func cursor(_ range: Range<UInt64>? = nil) throws(TemporaryFileError) -> RunCursor {
        switch place {
        case .memory(let pieces):
            return RunCursor(
                pieces.map { piece in
                    (
                        piece,
                        range.map { piece.place(of: $0.lowerBound)..<piece.place(of: $0.upperBound) } ?? 0..<piece.count
                    )
                })
        case .file(let file, let offset):
            precondition(range == nil, "a run on disk is read as a whole")
            return try RunCursor(file, offset: offset, count: count)
        }
    }

    /// The code in the middle of a run in memory.
    var middle: UInt64? {
        guard case .memory(let pieces) = place, let piece = pieces.max(by: { $0.count < $1.count }) else { return nil }
        return piece.count > 0 ? piece.codes[piece.count / 2] : nil
    }
}

/// Codes and counts side by side.
final class RunMemory: @unchecked Sendable {
    let codes: UnsafeMutableBufferPointer<UInt64>
    let counts: UnsafeMutableBufferPointer<UInt32>
    fileprivate(set) var count = 0
    var capacity: Int { codes.count }

    init(capacity: Int) {
        codes = .allocate(capacity: capacity)
        counts = .allocate(capacity: capacity)
    }

    /// Takes what ``CodeSort/fold(_:counts:)`` left.
    init(copying codes: Slice<UnsafeMutableBufferPointer<UInt64>>, _ counts: Slice<UnsafeMutableBufferPointer<UInt32>>)
    {
        self.codes = .allocate(capacity: codes.count)
        self.counts = .allocate(capacity: counts.count)
        _ = self.codes.initialize(fromContentsOf: codes)
        _ = self.counts.initialize(fromContentsOf: counts)
        count = codes.count
    }

    /// Twice the room, with what is there.
    convenience init(growing smaller: RunMemory) {
        self.init(capacity: 2 * smaller.capacity)
        codes.baseAddress!.initialize(from: smaller.codes.baseAddress!, count: smaller.count)
        counts.baseAddress!.initialize(from: smaller.counts.baseAddress!, count: smaller.count)
        count = smaller.count
    }

    deinit {
        codes.deallocate()
        counts.deallocate()
    }

    @inline(__always)
    func append(_ code: UInt64, _ n: UInt32) {
        codes[count] = code
        counts[count] = n
        count &+= 1
    }

    func removeAll() { count = 0 }

    fileprivate var pointers: (UnsafePointer<UInt64>, UnsafePointer<UInt32>) {
        (UnsafePointer(codes.baseAddress!), UnsafePointer(counts.baseAddress!))
    }

    /// Where the first code that is not below `code` stands.
    fileprivate func place(of code: UInt64) -> Int {
        var low = 0, high = count
        while low < high {
            let middle = (low + high) / 2
            if codes[middle] < code { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

extension RunMemory {
    /// Writes what is here as a run of whole blocks.
    func spill(to file: TemporaryFile) throws(TemporaryFileError) -> SortedRun {
        var offset: Int?
        for begin in stride(from: 0, to: count, by: SortedRun.block) {
            let part = begin..<min(begin + SortedRun.block, count)
            let start = try file.append(UnsafeRawBufferPointer(UnsafeMutableBufferPointer(rebasing: codes[part])))
            _ = try file.append(UnsafeRawBufferPointer(UnsafeMutableBufferPointer(rebasing: counts[part])))
            offset = offset ?? start
        }
        return SortedRun(file, offset: offset ?? 0, count: count)
    }

    fileprivate func read(_ n: Int, from file: TemporaryFile, at offset: Int) throws(TemporaryFileError) {
        try file.read(
            into: UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: codes[0..<n])), at: offset)
        try file.read(
            into: UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: counts[0..<n])), at: offset + 8 * n
        )
        count = n
    }
}

/// A place in a run that goes from its first code to its last.
struct RunCursor {
    /// Holds what the two pointers point to.
    private var memory: RunMemory
    private var codes: UnsafePointer<UInt64>
    private var counts: UnsafePointer<UInt32>
    private var place = 0
    private var end = 0
    /// Pieces in memory that are still to come, the next one last.
    private var pieces: [(RunMemory, Range<Int>)] = []
    private var file: TemporaryFile?
    private var offset = 0
    /// Codes behind ``end``.
    private var left: Int

    fileprivate init(_ pieces: [(RunMemory, Range<Int>)]) {
        self.pieces = pieces.filter { !$0.1.isEmpty }.reversed()
        left = pieces.reduce(0) { $0 + $1.1.count }
        memory = RunMemory(capacity: 1)
        (codes, counts) = memory.pointers
        nextPiece()
    }

    fileprivate init(_ file: TemporaryFile, offset: Int, count: Int) throws(TemporaryFileError) {
        memory = RunMemory(capacity: max(1, min(count, SortedRun.block)))
        (codes, counts) = memory.pointers
        self.file = file
        self.offset = offset
        left = count
        try refill()
    }

    @inline(__always)
    var isAtEnd: Bool { place == end }
    @inline(__always)
    var code: UInt64 { codes[place] }
    @inline(__always)
    var count: UInt32 { counts[place] }
    var remaining: Int { left + end - place }

    @inline(__always)
    mutating func advance() throws(TemporaryFileError) {
        place &+= 1
        if place == end, left > 0 { try refill() }
    }

    private mutating func refill() throws(TemporaryFileError) {
        guard let file else { return nextPiece() }
        let n = min(left, SortedRun.block)
        guard n > 0 else { return }
        try memory.read(n, from: file, at: offset)
        offset += n * SortedRun.bytesPerCode
        left -= n
        (place, end) = (0, n)
    }

    private mutating func nextPiece() {
        guard let (piece, range) = pieces.popLast() else { return }
        memory = piece
        (codes, counts) = piece.pointers
        (place, end) = (range.lowerBound, range.upperBound)
        left -= range.count
    }
}
