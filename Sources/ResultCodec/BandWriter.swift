import CBands

/// Writes the body of codec 4: every part of a candidate in just the bits that its list needs.
///
/// Bits highest first: ``BandTable``; 16 bits of the first score; a ``FallCode`` parameter for each group of ranks;
/// ``SourceCode``; the band of each row; the sources, where they are fixed or runs; in unary the sources, where they
/// are so, then the quotients of the falls; at last, by rank, the place of the row in its band and the rest of the
/// fall. Zeros fill the last byte. Where a number begins depends only on what is written before the places and rests,
/// so that a reader need not wait for one to find the next. Empty for an empty list.
struct BandWriter: Sendable {
    private(set) var body: [UInt8] = []
    private(set) var byteCount = 0
    private var chooser = BandChooser()
    /// The band of each row.
    private var selectors: [UInt8] = []
    /// The numbers that are written in unary.
    private var codes: [UInt8] = []
    /// The parameter of each group of falls.
    private var parameters = SIMD8<UInt8>()

    /// The most bits of one candidate, selector, source, quotient, place and rest, in bytes.
    private static let mostBytesPerCandidate = 11
    /// Tables, and what a writer of bits stores too much.
    private static let room = 64
    /// Selectors that are written together.
    fileprivate static let batch = 8

    private let isReadable: Bool

    /// - Parameter isReadable: whether the loops are those in Swift, to which the tests hold the ones in C.
    init(isReadable: Bool = false) { self.isReadable = isReadable }

    /// Overwrites ``body``.
    mutating func write(_ list: borrowing RankedList) {
        byteCount = 0
        guard list.count > 0 else { return }
        makeRoom(for: list.count)
        if isReadable { writeReadably(list) } else { writeQuickly(list) }
    }

    private mutating func writeQuickly(_ list: borrowing RankedList) {
        var counts = nearline_counts(
            sources: list.sourceCounts.counts, runs: UInt32(list.sourceCounts.runs), any_row: list.anyRow)
        let count = list.count
        byteCount = body.withUnsafeMutableBufferPointer { body in
            list.withColumns { unsafe nearline_write_bands($0, count, &counts, body.baseAddress) }
        }
    }

    /// ``writeQuickly(_:)``, step by step.
    private mutating func writeReadably(_ list: borrowing RankedList) {
        let table = chooser.choose(lengths: list.rowLengths.span, count: list.count)
        let sources = SourceCode(choosingFor: list)
        chooseParameters(list.falls.span, list.count)
        Self.select(list.rows.span, list.count, table, into: &selectors)
        let codeCount = Self.collectCodes(list, sources, parameters, into: &codes)
        byteCount = body.withUnsafeMutableBytes { [parameters, selectors, codes] body in
            var bits = unsafe BitWriter(into: body.baseAddress!)
            table.write(into: &bits)
            bits.append(Int(list.firstBits), width: 16)
            for group in 0..<FallCode.groupCount(list.count) {
                bits.append(Int(parameters[group]), width: FallCode.parameterWidth)
            }
            sources.write(into: &bits)
            writeSelectors(selectors.span, list.count, table, into: &bits)
            writePlaces(list.sources.span, list.count, sources, into: &bits)
            writeUnary(codes.span, codeCount, into: &bits)
            writeRests(list.rows.span, list.falls.span, list.count, selectors.span, table, parameters, into: &bits)
            return bits.byteCount
        }
    }

    private mutating func makeRoom(for count: Int) {
        let bytes = count * Self.mostBytesPerCandidate + Self.room
        if body.count < bytes {
            body = [UInt8](repeating: 0, count: bytes)
            guard isReadable else { return }
            selectors = [UInt8](repeating: 0, count: count + Self.batch)
            codes = [UInt8](repeating: 0, count: 2 * count + Self.batch)
        }
    }

    private mutating func chooseParameters(_ falls: Span<UInt16>, _ count: Int) {
        for group in 0..<FallCode.groupCount(count) {
            parameters[group] = UInt8(FallCode.parameter(falls, FallCode.ranks(of: group, count: count)))
        }
    }

    /// Finds the band of every row.
    private static func select(
        _ rows: Span<UInt32>, _ count: Int, _ table: BandTable, into selectors: inout [UInt8]
    ) {
        let bases = table.bases
        var selectors = selectors.mutableSpan
        // With a batch of zeros behind the end.
        forEachPlace(below: count + batch) { selectors[unchecked: $0] = 0 }
        for band in 1..<table.count {
            // A base that no row reaches may lie beyond 32 bits.
            let base = UInt32(clamping: bases[band])
            forEachPlace(below: count) { selectors[unchecked: $0] &+= (rows[unchecked: $0] >= base).number }
        }
    }

    /// The sources, if they are written in unary, then the quotients of all falls that are; returns their number.
    private static func collectCodes(
        _ list: borrowing RankedList, _ sources: SourceCode, _ parameters: SIMD8<UInt8>, into codes: inout [UInt8]
    ) -> Int {
        var codes = codes.mutableSpan
        var collected = 0
        if sources.form == .unary {
            let places = sources.places
            let labels = list.sources.span
            forEachPlace(below: list.count) { codes[unchecked: $0] = places[unchecked: Int(labels[unchecked: $0])] }
            collected = list.count
        }
        let falls = list.falls.span
        for group in 0..<FallCode.groupCount(list.count) where Int(parameters[group]) != FallCode.none {
            let shift = UInt16(parameters[group])
            let ranks = FallCode.ranks(of: group, count: list.count)
            forEachPlace(below: ranks.count) { place in
                let quotient = min(falls[unchecked: ranks.lowerBound &+ place] &>> shift, UInt16(FallCode.whole))
                codes[unchecked: collected &+ place] = UInt8(truncatingIfNeeded: quotient)
            }
            collected += ranks.count
        }
        return collected
    }
}

private func writeSelectors(_ selectors: Span<UInt8>, _ count: Int, _ table: BandTable, into bits: inout BitWriter) {
    let width = UInt64(truncatingIfNeeded: table.selectorWidth)
    for begin in stride(from: 0, to: count, by: BandWriter.batch) {
        var packed: UInt64 = 0
        for place in 0..<BandWriter.batch { packed = packed &<< width | UInt64(selectors[unchecked: begin &+ place]) }
        // Behind the end stand zeros.
        let unused = UInt64(truncatingIfNeeded: max(0, begin &+ BandWriter.batch &- count)) &* width
        bits.append(packed &>> unused, width: UInt64(BandWriter.batch) &* width &- unused)
    }
}

/// The places of the sources in their order, where they are not unary.
private func writePlaces(_ sources: Span<UInt8>, _ count: Int, _ code: SourceCode, into bits: inout BitWriter) {
    let places = code.places
    switch code.form {
    case .same, .unary: break
    case .fixed:
        let width = UInt64(truncatingIfNeeded: code.placeWidth)
        forEachPlace(below: count) { rank in
            bits.append(UInt64(places[unchecked: Int(sources[unchecked: rank])]), width: width)
        }
    case .runs:
        var begin = 0
        for rank in 1...count where rank == count || sources[rank] != sources[begin] {
            bits.append(Int(places[Int(sources[begin])]), width: code.placeWidth)
            bits.append(rank - begin - 1, width: SourceCode.runWidth(count))
            begin = rank
        }
    }
}

/// Numbers up to 15 as so many zeros and a one, three at a time.
private func writeUnary(_ codes: Span<UInt8>, _ count: Int, into bits: inout BitWriter) {
    for begin in stride(from: 0, to: count &- 2, by: 3) {
        let first = UInt64(codes[unchecked: begin]) &+ 1
        let second = UInt64(codes[unchecked: begin &+ 1]) &+ 1
        let third = UInt64(codes[unchecked: begin &+ 2]) &+ 1
        bits.append(1 &<< (second &+ third) | 1 &<< third | 1, width: first &+ second &+ third)
    }
    for place in count / 3 * 3..<count { bits.append(1, width: UInt64(codes[place]) + 1) }
}

private func writeRests(
    _ rows: Span<UInt32>, _ falls: Span<UInt16>, _ count: Int, _ selectors: Span<UInt8>, _ table: BandTable,
    _ parameters: SIMD8<UInt8>, into bits: inout BitWriter
) {
    // In memory, where a band is found in one step: where it begins, above the bits of its places.
    withUnsafeTemporaryAllocation(of: UInt64.self, capacity: BandTable.mostBands) { bands in
        let bases = table.bases
        for band in bands.indices { bands[band] = bases[band] << 8 | UInt64(table.widths[band]) }
        let bands = unsafe UnsafePointer(bands.baseAddress!)
        func append(_ rank: Int, _ rest: UInt64, _ restWidth: UInt64) {
            let band = unsafe bands[Int(selectors[unchecked: rank])]
            let place = UInt64(rows[unchecked: rank]) &- band &>> 8
            bits.append(place &<< restWidth | rest, width: band & 0xFF &+ restWidth)
        }
        append(0, 0, 0)
        for group in 0..<FallCode.groupCount(count) {
            let parameter = UInt64(parameters[group])
            let ranks = FallCode.ranks(of: group, count: count)
            var rank = ranks.lowerBound
            while rank < ranks.upperBound {
                let fall = UInt64(falls[unchecked: rank])
                if parameter == FallCode.none {
                    append(rank, 0, 0)
                } else if fall &>> parameter >= UInt64(FallCode.whole) {
                    append(rank, fall, UInt64(FallCode.wholeWidth))
                } else {
                    append(rank, fall & ((1 &<< parameter) &- 1), parameter)
                }
                rank &+= 1
            }
        }
    }
}
