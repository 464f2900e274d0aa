import Domain

/// How often each source occurs in a list, and in how many runs.
struct SourceCounts {
    private(set) var runs = 0
    /// 16 bits for each source, by raw value: adding one is two instructions. A fifth source needs a second word,
    /// here and in `CBands`.
    private(set) var counts: UInt64 = 0
    private var before: UInt8 = 0xFF

    init() {}

    /// What was counted elsewhere, in the same form.
    init(runs: Int, counts: UInt64) {
        self.runs = runs
        self.counts = counts
    }

    /// Counts the source that comes next, and returns its raw value.
    @inline(__always)
    mutating func add(_ source: CandidateSource) -> UInt8 {
        let number = Self.number(source)
        counts &+= 1 &<< (16 &* UInt64(number))
        // Without a branch: sources alternate at random.
        runs &+= Int((number != before).number)
        before = number
        return number
    }

    func count(of source: CandidateSource) -> Int {
        Int(truncatingIfNeeded: counts >> (16 * UInt64(source.rawValue)) & 0xFFFF)
    }

    /// The raw value, which is a call where the type is of another module.
    @inline(__always)
    private static func number(_ source: CandidateSource) -> UInt8 {
        switch source {
        case .model: 0
        case .repeat: 1
        case .transition: 2
        case .popular: 3
        }
    }
}
