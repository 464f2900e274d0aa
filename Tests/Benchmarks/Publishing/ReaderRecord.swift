/// What one kind of reader met in one kind of phase.
struct ReaderRecord: Sendable {
    var latencies = Latencies()
    /// How long it read, in seconds.
    var length = 0.0
    /// Lookups that threw.
    var errors = 0
    /// Lists that were empty, short, or not of one release and this user.
    var wrong = 0
    /// Whole lists of a release that was not current at any time of the lookup.
    var stale = 0
    var releases: Set<Int> = []
    /// The first few things that went wrong.
    var examples: [String] = []

    var faults: Int { errors + wrong + stale }

    mutating func note(_ example: String) {
        if examples.count < 3, !examples.contains(example) { examples.append(example) }
    }

    mutating func add(_ other: ReaderRecord) {
        latencies.add(other.latencies)
        length += other.length
        errors += other.errors
        wrong += other.wrong
        stale += other.stale
        releases.formUnion(other.releases)
        other.examples.forEach { note($0) }
    }
}
