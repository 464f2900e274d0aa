import Domain

/// How the sources of a list are written: the cheapest of four forms, over an order of those that occur.
struct SourceCode: Equatable {
    enum Form: Int {
        /// There is one source, nothing follows.
        case same = 0
        /// Places in the order, in as many bits as the last one needs.
        case fixed = 1
        /// Places in the order, in unary, most frequent first.
        case unary = 2
        /// Place and length, less one, of every run.
        case runs = 3
    }

    static let most = 16

    let form: Form
    /// Raw values, most frequent first; those behind `count` are not used.
    let order: SIMD16<UInt8>
    let count: Int

    /// Bits of a place in the order.
    var placeWidth: Int { (count - 1).bitLength }

    /// Bits of the length of a run, less one, in a list of `listCount`.
    static func runWidth(_ listCount: Int) -> Int { (listCount - 1).bitLength }

    /// - Parameter list: at least one candidate.
    init(choosingFor list: borrowing RankedList) {
        var counts = SIMD16<UInt32>()
        for source in CandidateSource.allCases { counts[Int(source.rawValue)] = list.sourceCounts.count(of: source) }
        self.init(counts: counts, runs: list.sourceCounts.runs, listCount: list.count)
    }

    private init(counts: SIMD16<UInt32>, runs: Int, listCount: Int) {
        var left = counts
        var order = SIMD16<UInt8>()
        var count = 0
        var unaryBits = 0
        while left.max() > 0 {
            let most = left.max()
            let source = left.indices.first { left[$0] == most } ?? 0
            order[count] = UInt8(source)
            count += 1
            unaryBits += Int(most) * count
            left[source] = 0
        }
        let placeWidth = (count - 1).bitLength
        let fixedBits = listCount * placeWidth
        let runBits = runs * (placeWidth + Self.runWidth(listCount))
        self.order = order
        self.count = count
        form =
            count == 1
            ? .same : runBits < min(fixedBits, unaryBits) ? .runs : unaryBits < fixedBits ? .unary : .fixed
    }
}

extension SourceCode {
    /// Two bits for the form; four for the number of sources less one, unless it must be one; four for each source.
    func write(into bits: inout BitWriter) {
        bits.append(form.rawValue, width: 2)
        if form != .same { bits.append(count - 1, width: 4) }
        for place in 0..<count { bits.append(Int(order[place]), width: 4) }
    }

    init(reading bits: inout BitReader) throws(PayloadError) {
        form = Form(rawValue: bits.next(2))!
        count = form == .same ? 1 : bits.next(4) + 1
        var order = SIMD16<UInt8>()
        for place in 0..<count {
            order[place] = UInt8(bits.next(4))
            guard CandidateSource(rawValue: order[place]) != nil else { throw .unknownSource(order[place], at: nil) }
        }
        self.order = order
    }
}
