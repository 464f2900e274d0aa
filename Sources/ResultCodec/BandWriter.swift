/// Writes the body of codec 4: every part of a candidate in just the bits that its list needs.
///
/// Bits highest first: ``BandTable``; 16 bits of the first score; a ``FallCode`` parameter for each group of ranks;
/// ``SourceCode``; the band of each row; the sources, where they are fixed or runs; in unary the sources, where they are
/// so, then the quotients of the falls; at last, by rank, the place of the row in its band and the rest of the fall.
/// Zeros fill the last byte. Where a number begins depends only on what is written before the places and rests, so that a
/// reader need not wait for one to find the next. Empty for an empty list.
struct BandWriter: Sendable {
    private(set) var body: [UInt8] = []
    private(set) var byteCount = 0
    private var chooser = BandChooser()
    /// The band of each row.
    private var selectors: [UInt8] = []
    /// The parameter of each group of falls.
    private var parameters = SIMD8<UInt8>()

    /// The most bits of one candidate, selector, source, quotient, place and rest, in bytes.
    private static let mostBytesPerCandidate = 11
    /// Tables, and what a writer of bits stores too much.
    private static let room = 64

    /// Overwrites ``body``.
    mutating func write(_ list: borrowing RankedList) {
        byteCount = 0
        guard list.count > 0 else { return }
        makeRoom(for: list.count)
        let table = chooser.choose(lengths: list.rowLengths.span, count: list.count)
        let sources = SourceCode(choosingFor: list)
        chooseParameters(list.falls.span, list.count)
        byteCount = body.withUnsafeMutableBytes { [parameters] body in
            var bits = unsafe BitWriter(into: body.baseAddress!)
            table.write(into: &bits)
            bits.append(Int(list.firstBits), width: 16)
            for group in 0..<FallCode.groupCount(list.count) {
                bits.append(Int(parameters[group]), width: FallCode.parameterWidth)
            }
            sources.write(into: &bits)
            return selectors.withUnsafeMutableBufferPointer { selectors in
                var selectors = selectors.mutableSpan
                select(list.rows.span, list.count, table, into: &selectors)
                writeSelectors(selectors.span, list.count, table, into: &bits)
                writeSources(list.sources.span, list.count, sources, into: &bits)
                writeQuotients(list.falls.span, list.count, parameters, into: &bits)
                writeRests(list.rows.span, list.falls.span, list.count, selectors.span, table, parameters, into: &bits)
                return bits.byteCount
            }
        }
    }

    private mutating func makeRoom(for count: Int) {
        let bytes = count * Self.mostBytesPerCandidate + Self.room
        if body.count < bytes { body = [UInt8](repeating: 0, count: bytes) }
        if selectors.count < count + 8 { selectors = [UInt8](repeating: 0, count: count + 8) }
    }

    private mutating func chooseParameters(_ falls: Span<UInt16>, _ count: Int) {
        for group in 0..<FallCode.groupCount(count) {
            parameters[group] = UInt8(FallCode.parameter(falls, FallCode.ranks(of: group, count: count)))
        }
    }
}

/// Finds the band of every row.
private func select(_ rows: Span<UInt32>, _ count: Int, _ table: BandTable, into selectors: inout MutableSpan<UInt8>) {
    let bases = table.bases
    forEachPlace(below: count) { selectors[unchecked: $0] = 0 }
    for band in 1..<table.count {
        // A base that no row reaches may lie beyond 32 bits.
        let base = UInt32(clamping: bases[band])
        forEachPlace(below: count) { selectors[unchecked: $0] &+= (rows[unchecked: $0] >= base).number }
    }
}

private func writeSelectors(_ selectors: Span<UInt8>, _ count: Int, _ table: BandTable, into bits: inout BitWriter) {
    let width = UInt64(truncatingIfNeeded: table.selectorWidth)
    for begin in stride(from: 0, to: count, by: 8) {
        let used = min(8, count &- begin)
        var packed: UInt64 = 0
        for rank in begin..<begin &+ used { packed = packed &<< width | UInt64(selectors[unchecked: rank]) }
        bits.append(packed, width: UInt64(truncatingIfNeeded: used) &* width)
    }
}

private func writeSources(_ sources: Span<UInt8>, _ count: Int, _ code: SourceCode, into bits: inout BitWriter) {
    var places = SIMD16<UInt8>()
    for place in 0..<code.count { places[Int(code.order[place])] = UInt8(place) }
    switch code.form {
    case .same: break
    case .fixed:
        let width = UInt64(code.placeWidth)
        for rank in 0..<count { bits.append(UInt64(places[Int(sources[unchecked: rank])]), width: width) }
    case .unary:
        for rank in 0..<count { bits.append(1, width: UInt64(places[Int(sources[unchecked: rank])]) &+ 1) }
    case .runs:
        var begin = 0
        for rank in 1...count where rank == count || sources[rank] != sources[begin] {
            bits.append(Int(places[Int(sources[begin])]), width: code.placeWidth)
            bits.append(rank - begin - 1, width: SourceCode.runWidth(count))
            begin = rank
        }
    }
}

private func writeQuotients(_ falls: Span<UInt16>, _ count: Int, _ parameters: SIMD8<UInt8>, into bits: inout BitWriter)
{
    for group in 0..<FallCode.groupCount(count) where Int(parameters[group]) != FallCode.none {
        let parameter = UInt16(parameters[group])
        for rank in FallCode.ranks(of: group, count: count) {
            let quotient = min(UInt64(falls[unchecked: rank] &>> parameter), UInt64(FallCode.whole))
            bits.append(1, width: quotient &+ 1)
        }
    }
}

private func writeRests(
    _ rows: Span<UInt32>, _ falls: Span<UInt16>, _ count: Int, _ selectors: Span<UInt8>, _ table: BandTable,
    _ parameters: SIMD8<UInt8>, into bits: inout BitWriter
) {
    let widths = table.widths
    let bases = table.bases
    func append(_ rank: Int, _ rest: UInt64, _ restWidth: UInt64) {
        let band = Int(selectors[unchecked: rank])
        let place = UInt64(rows[unchecked: rank]) &- bases[band]
        bits.append(place &<< restWidth | rest, width: UInt64(widths[band]) &+ restWidth)
    }
    append(0, 0, 0)
    for group in 0..<FallCode.groupCount(count) {
        let parameter = UInt64(parameters[group])
        let ranks = FallCode.ranks(of: group, count: count)
        if parameter == FallCode.none {
            for rank in ranks { append(rank, 0, 0) }
            continue
        }
        for rank in ranks {
            let fall = UInt64(falls[unchecked: rank])
            let isWhole = fall &>> parameter >= UInt64(FallCode.whole)
            let width = isWhole ? UInt64(FallCode.wholeWidth) : parameter
            append(rank, fall & ((1 &<< width) &- 1), width)
        }
    }
}
