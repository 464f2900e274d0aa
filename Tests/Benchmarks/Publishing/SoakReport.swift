/// What the readers met in each phase, and what the writing side did.
struct SoakReport {
    private var records: [SoakPhase: [ReaderKind: ReaderRecord]] = [:]
    private var lengths: [SoakPhase: Double] = [:]
    var longTransactions = 0
    var longFaults: [String] = []
    /// Tables that the pruner dropped, and how often one had to wait.
    var dropped = 0
    var waited = 0
    /// Seconds.
    var publications: [Double] = []
    var rollbacks: [Double] = []

    /// Books what the readers meet while `body` runs, and returns its length in seconds.
    @discardableResult
    mutating func measure(_ phase: SoakPhase, _ readers: [ReaderLoop], _ body: () throws -> Void) rethrows -> Double {
        for reader in readers { book(reader.takeRecord(), reader.kind, nil, 0) }
        let length = try seconds(body)
        for reader in readers { book(reader.takeRecord(), reader.kind, phase, length) }
        lengths[phase, default: 0] += length
        return length
    }

    /// Between phases only faults count.
    private mutating func book(_ record: ReaderRecord, _ kind: ReaderKind, _ phase: SoakPhase?, _ length: Double) {
        var record = record
        record.length = length
        if phase == nil { record.latencies = Latencies() }
        records[phase ?? .quiet, default: [:]][kind, default: ReaderRecord()].add(record)
    }

    var faults: Int { longFaults.count + records.values.reduce(0) { $0 + $1.values.reduce(0) { $0 + $1.faults } } }

    func show() {
        for phase in SoakPhase.allCases { print("\(phase.rawValue): \((lengths[phase] ?? 0).text(0)) s") }
        let head = ["lookups/s", "p50 us", "p99", "p99.99", "max", "errors", "wrong", "stale", "releases"]
        print("\("".padded(to: 38))\(head.map { $0.padded(before: 10) }.joined())")
        for kind in ReaderKind.allCases {
            for phase in SoakPhase.allCases { show(kind, phase) }
            print(
                "  p99.99 against quiet: building \(ratio(kind, .building, .quiet)), publishing",
                "\(ratio(kind, .publishing, .quiet)); publishing against building",
                ratio(kind, .publishing, .building))
        }
        show("publish", publications)
        show("rollback", rollbacks)
        print(
            "\(longTransactions) long transactions with \(longFaults.count) faults; pruner: \(dropped) tables dropped,",
            "\(waited) times one had to wait for readers")
        for example in examples { print("  \(example)") }
    }

    private var examples: [String] {
        longFaults.prefix(5)
            + SoakPhase.allCases.flatMap { phase in
                ReaderKind.allCases.flatMap { kind in
                    (records[phase]?[kind]?.examples ?? []).map { "\(phase.rawValue), \($0)" }
                }
            }
    }

    private func show(_ kind: ReaderKind, _ phase: SoakPhase) {
        let record = records[phase]?[kind] ?? ReaderRecord(), all = record.latencies
        let rate = Double(all.count) / record.length
        let figures =
            [rate.text(0)] + [0.5, 0.99, 0.9999].map { all.microseconds($0).text(1) }
            + [(Double(all.longest) / 1000).text(0)]
            + [record.errors, record.wrong, record.stale, record.releases.count].map(String.init)
        let name = kind.rawValue.padded(to: 26) + phase.rawValue.padded(to: 12)
        print("\(name)\(figures.map { $0.padded(before: 10) }.joined())")
    }

    private func ratio(_ kind: ReaderKind, _ phase: SoakPhase, _ base: SoakPhase) -> String {
        guard let high = records[phase]?[kind], let low = records[base]?[kind] else { return "-" }
        return (high.latencies.microseconds(0.9999) / low.latencies.microseconds(0.9999)).text(2)
    }

    private func show(_ name: String, _ times: [Double]) {
        guard !times.isEmpty else { return }
        print(
            "\(name): \(times.count) times, median \((times.median * 1e3).text(1)) ms,",
            "max \((times.max()! * 1e3).text(1)) ms")
    }
}
