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
        let counts = list.sourceCounts
        var order = SIMD16<UInt8>()
        order[0] = list.sources[0]
        guard counts.runs > 1 else {
            self.init(form: .same, order: order, count: 1)
            return
        }
        var ranked: [(source: UInt8, count: Int)] = []
        for source in CandidateSource.allCases where counts.count(of: source) > 0 {
            ranked.append((source.rawValue, counts.count(of: source)))
        }
        ranked.sort { ($1.count, $0.source) < ($0.count, $1.source) }
        var unaryBits = 0
        for (place, entry) in ranked.enumerated() {
            order[place] = entry.source
            unaryBits += entry.count * (place + 1)
        }
        let placeWidth = (ranked.count - 1).bitLength
        let fixedBits = list.count * placeWidth
        let runBits = counts.runs * (placeWidth + Self.runWidth(list.count))
        let form = runBits < min(fixedBits, unaryBits) ? Form.runs : unaryBits < fixedBits ? .unary : .fixed
        self.init(form: form, order: order, count: ranked.count)
    }

    private init(form: Form, order: SIMD16<UInt8>, count: Int) {
        self.form = form
        self.order = order
        self.count = count
    }

    /// The place of each source in the order, by raw value.
    var places: InlineArray<16, UInt8> {
        var places = InlineArray<16, UInt8>(repeating: 0)
        for place in 0..<count { places[Int(order[place])] = UInt8(place) }
        return places
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
