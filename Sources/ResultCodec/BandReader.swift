import Domain

/// Reads the body of codec 4, which ``BandWriter`` describes.
struct BandReader {
    private var bits: BitReader
    private let list: UnsafeMutableBufferPointer<Candidate>
    private let table: BandTable
    private let firstBits: Int
    private var parameters = SIMD8<UInt8>()
    private let sources: SourceCode
    private var selectors: BitReader

    /// - Parameters:
    ///   - body: `byteCount` bytes and eight zeros.
    ///   - list: every place of it is overwritten.
    static func read(
        _ body: UnsafeRawPointer, byteCount: Int, into list: UnsafeMutableBufferPointer<Candidate>
    ) throws(PayloadError) {
        guard !list.isEmpty else {
            guard byteCount == 0 else { throw .lengthMismatch(.bands, expected: 0, found: byteCount) }
            return
        }
        var reader = try BandReader(body, byteCount: byteCount, into: list)
        // Places in the order of sources, then quotients of falls; eight more are overwritten.
        try withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 2 * list.count + 8) {
            (codes) throws(PayloadError) in
            let codes = codes.baseAddress!
            unsafe try reader.readCodes(into: codes)
            unsafe try reader.readCandidates(codes)
        }
        try reader.expectEnd(byteCount)
    }

    private init(
        _ body: UnsafeRawPointer, byteCount: Int, into list: UnsafeMutableBufferPointer<Candidate>
    ) throws(PayloadError) {
        var bits = BitReader(body, byteCount: byteCount)
        guard let table = BandTable(reading: &bits) else { throw .brokenBands(at: 0) }
        self.table = table
        self.list = list
        firstBits = bits.next(16)
        guard firstBits <= SortableHalf.finite.upperBound else { throw .scoresNotFalling(at: 0) }
        let groups = FallCode.groupCount(list.count)
        var packed = bits.next(groups * FallCode.parameterWidth)
        for group in (0..<groups).reversed() {
            parameters[group] = UInt8(packed & 0xF)
            packed >>= FallCode.parameterWidth
        }
        sources = try SourceCode(reading: &bits)
        selectors = bits
        bits.skip(list.count * table.selectorWidth)
        guard bits.isInside else { throw .brokenBands(at: 0) }
        self.bits = bits
    }

    /// Sources and quotients, in whatever form: after this it is known where every number begins.
    private mutating func readCodes(into codes: UnsafeMutablePointer<UInt8>) throws(PayloadError) {
        var quotientCount = 0
        for group in 0..<FallCode.groupCount(list.count) where Int(parameters[group]) != FallCode.none {
            quotientCount += FallCode.ranks(of: group, count: list.count).count
        }
        if sources.form == .unary {
            try readUnary(list.count + quotientCount, into: codes)
        } else {
            try readPlaces(into: codes)
            try readUnary(quotientCount, into: codes + list.count)
        }
        var largest: UInt8 = 0
        forEachPlace(below: list.count) { largest = unsafe max(largest, codes[$0]) }
        guard largest < sources.count else { throw .brokenBands(at: 0) }
    }

    private mutating func readUnary(_ count: Int, into codes: UnsafeMutablePointer<UInt8>) throws(PayloadError) {
        guard unsafe bits.unary(count, into: codes) else { throw .brokenBands(at: 0) }
    }

    private mutating func readPlaces(into places: UnsafeMutablePointer<UInt8>) throws(PayloadError) {
        let width = sources.placeWidth
        guard sources.form == .runs else {
            for rank in list.indices { places[rank] = UInt8(bits.next(width)) }
            return
        }
        let runWidth = SourceCode.runWidth(list.count)
        var rank = 0
        while rank < list.count {
            let place = UInt8(bits.next(width))
            let end = rank + bits.next(runWidth) + 1
            guard end <= list.count, bits.isInside else { throw .brokenBands(at: rank) }
            while rank < end {
                places[rank] = place
                rank += 1
            }
        }
    }

    private mutating func readCandidates(_ codes: UnsafePointer<UInt8>) throws(PayloadError) {
        // In memory, where the place in a table is found in one step.
        try withUnsafeTemporaryAllocation(of: UInt64.self, capacity: BandTable.mostBands) {
            (bands) throws(PayloadError) in
            try withUnsafeTemporaryAllocation(of: CandidateSource.self, capacity: SourceCode.most) {
                (labels) throws(PayloadError) in
                let bases = table.bases
                // Where the band begins, above the bits of its places.
                for band in bands.indices { bands[band] = bases[band] << 8 | UInt64(table.widths[band]) }
                labels.initialize(repeating: .model)
                for place in 0..<sources.count { labels[place] = CandidateSource(rawValue: sources.order[place])! }
                unsafe try readCandidates(codes, bands.baseAddress!, labels.baseAddress!)
            }
        }
    }

    private mutating func readCandidates(
        _ codes: UnsafePointer<UInt8>, _ bands: UnsafePointer<UInt64>, _ labels: UnsafePointer<CandidateSource>
    ) throws(PayloadError) {
        var quotients = unsafe codes + list.count
        var score = firstBits
        try readRanks(0..<1, FallCode.none, bands, labels, codes, quotients, &score)
        for group in 0..<FallCode.groupCount(list.count) {
            let ranks = FallCode.ranks(of: group, count: list.count)
            let parameter = Int(parameters[group])
            try readRanks(ranks, parameter, bands, labels, codes, quotients, &score)
            if parameter != FallCode.none { unsafe quotients += ranks.count }
        }
    }

    /// - Parameters:
    ///   - parameter: of these ranks.
    ///   - quotients: of these ranks, but where the parameter says that there are none.
    ///   - score: sortable bits of the score before, then of the last one.
    private mutating func readRanks(
        _ ranks: Range<Int>, _ parameter: Int, _ bands: UnsafePointer<UInt64>,
        _ labels: UnsafePointer<CandidateSource>, _ places: UnsafePointer<UInt8>, _ quotients: UnsafePointer<UInt8>,
        _ score: inout Int
    ) throws(PayloadError) {
        let selectorWidth = UInt64(truncatingIfNeeded: table.selectorWidth)
        let restWidth = UInt64(truncatingIfNeeded: parameter)
        var (bits, bitsOfScore) = (bits, score)
        var rank = ranks.lowerBound
        while rank < ranks.upperBound {
            var selectorsLeft = selectors.window()
            let end = min(ranks.upperBound, rank &+ 16)
            selectors.skip((end &- rank) &* table.selectorWidth)
            while rank < end {
                let band = unsafe bands[Int(truncatingIfNeeded: BitReader.top(selectorWidth, of: selectorsLeft))]
                selectorsLeft &<<= selectorWidth
                let width = band & 0xFF
                let window = bits.window()
                let row = band &>> 8 &+ BitReader.top(width, of: window)
                bits.skip(Int(truncatingIfNeeded: width))
                if parameter != FallCode.none {
                    let quotient = unsafe Int(quotients[rank &- ranks.lowerBound])
                    if quotient == FallCode.whole {
                        bitsOfScore &-= Int(truncatingIfNeeded: BitReader.top(16, of: window &<< width))
                        bits.skip(FallCode.wholeWidth)
                    } else {
                        let rest = BitReader.top(restWidth, of: window &<< width)
                        bitsOfScore &-= quotient &<< parameter &+ Int(truncatingIfNeeded: rest)
                        bits.skip(parameter)
                    }
                }
                guard row <= UInt32.max, bits.isInside else { throw .brokenBands(at: rank) }
                guard bitsOfScore >= SortableHalf.finite.lowerBound else { throw .scoresNotFalling(at: rank) }
                let candidate = unsafe list.baseAddress! + rank
                unsafe candidate.pointee.row = UInt32(truncatingIfNeeded: row)
                unsafe candidate.pointee.score = SortableHalf.score(UInt16(truncatingIfNeeded: bitsOfScore))
                unsafe candidate.pointee.source = labels[Int(places[rank])]
                rank &+= 1
            }
        }
        self.bits = bits
        score = bitsOfScore
    }

    /// Every byte of the body is used, and the bits that fill the last one are 0.
    private func expectEnd(_ byteCount: Int) throws(PayloadError) {
        let expected = (bits.position + 7) / 8
        guard expected == byteCount else { throw .lengthMismatch(.bands, expected: expected, found: byteCount) }
        let spare = 8 * byteCount - bits.position
        guard spare == 0 || BitReader.top(UInt64(spare), of: bits.window()) == 0 else {
            throw .brokenBands(at: list.count - 1)
        }
    }
}
