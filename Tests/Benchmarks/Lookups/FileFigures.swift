import Domain
import Glibc
import NearlineClient
import ResultCodec
import Snapshots

/// Lookups a second and their percentiles, in the snapshot file and in LMDB, one thread, everything in memory.
struct FileFigures {
    private let loaded: LoadedFigures
    private let rounds: Int
    private let snapshot: Snapshot
    private let reader: SnapshotReader

    private static let lookups = 300_000

    init(_ loaded: LoadedFigures, rounds: Int) throws {
        self.loaded = loaded
        self.rounds = rounds
        snapshot = try Snapshot(path: loaded.snapshotPath)
        reader = try SnapshotReader(path: loaded.snapshotPath)
        try snapshot.verify()
    }

    private struct Variant {
        let name: String
        /// Candidates that every lookup has to find.
        var length = DrawnLists.length
        /// Looks up one key and says how many candidates came.
        let lookUp: (Int64) throws -> Int
        var perSecond: [Double] = []
        var latencies: [UInt32] = []
    }

    func print() throws {
        if loaded.lmdb == nil { Swift.print("\nLMDB (liblmdb.so.0) is not installed: left out.") }
        try printTurns(of: "lists", variants, seed: 4) { loaded.lists.key($0.below(loaded.lists.users)) }
        try printTurns(of: "what comes next", transitionVariants, seed: 6) { draw in
            Int64(draw.below(loaded.transitions.count))
        }
    }

    private func printTurns(
        of what: String, _ variants: [Variant], seed: UInt64, key: (inout SeededGenerator) -> Int64
    ) throws {
        var variants = variants
        var draw = SeededGenerator(seed: seed)
        for round in -1..<rounds {
            for index in variants.indices {
                let keys = (0..<Self.lookups).map { _ in key(&draw) }
                let perSecond = try throughput(variants[index], keys)
                let latencies = try latencies(variants[index], keys.shuffled(using: &draw))
                guard round >= 0 else { continue }
                variants[index].perSecond.append(perSecond)
                variants[index].latencies += latencies
            }
        }
        Swift.print(
            "\n| \(what) in a file, one thread | lookups/s of the core | p50 us | p99 us | p99.99 us |\n"
                + "| --- | ---: | ---: | ---: | ---: |"
        )
        for variant in variants {
            let sorted = variant.latencies.sorted()
            let percentiles = [0.5, 0.99, 0.9999].map { share in
                text(Double(sorted[Int(Double(sorted.count - 1) * share)]) / 1000, digits: 2)
            }
            Swift.print(
                "| \(variant.name) | \(Int(median(variant.perSecond))) | \(percentiles.joined(separator: " | ")) |")
        }
    }

    /// By the time that the thread ran: whatever else the machine is busy with is left out.
    private func throughput(_ variant: Variant, _ keys: [Int64]) throws -> Double {
        var candidates = 0
        let start = nanoseconds(CLOCK_THREAD_CPUTIME_ID)
        for key in keys { candidates += try variant.lookUp(key) }
        let seconds = Double(nanoseconds(CLOCK_THREAD_CPUTIME_ID) - start) / 1e9
        guard candidates == keys.count * variant.length else { throw FiguresError.wrongAnswer(variant.name) }
        return Double(keys.count) / seconds
    }

    /// With the price of looking at the clock, some 0.03 us.
    private func latencies(_ variant: Variant, _ keys: [Int64]) throws -> [UInt32] {
        var latencies: [UInt32] = []
        latencies.reserveCapacity(keys.count)
        for key in keys {
            let start = nanoseconds()
            _ = try variant.lookUp(key)
            latencies.append(UInt32(clamping: nanoseconds() - start))
        }
        return latencies
    }

    private var transitionVariants: [Variant] {
        var decoded: [Candidate] = []
        let transitions = loaded.transitions
        // Made before the clock runs: a service has its names at hand.
        let names = (0..<transitions.count).map(transitions.names)
        var next = NextClusters()
        return [
            Variant(name: "snapshot, by key, decoded to clusters", length: DrawnTransitions.successors) { place in
                guard let payload = snapshot.transition(transitions.key(Int(place))) else { return 0 }
                try PayloadDecoder.decode(payload, into: &decoded)
                return decoded.count
            },
            Variant(name: "snapshot, SnapshotReader, by names, with names", length: DrawnTransitions.successors) {
                place in
                try reader.nextClusters(after: names[Int(place)], into: &next)
                return next.places.count
            },
        ]
    }

    private var variants: [Variant] {
        var decoded: [Candidate] = []
        var list = CandidateList()
        var variants = [
            Variant(name: "snapshot, checked and not decoded") { key in
                try snapshot.payload(of: .integer(key)) == nil ? 0 : DrawnLists.length
            },
            Variant(name: "snapshot, decoded to rows") { key in
                guard let payload = try snapshot.payload(of: .integer(key)) else { return 0 }
                try PayloadDecoder.decode(payload, into: &decoded)
                return decoded.count
            },
            Variant(name: "snapshot, SnapshotReader, item keys") { key in
                try reader.candidates(for: .integer(key), into: &list)
                return list.items.count
            },
        ]
        guard let lmdb = loaded.lmdb else { return variants }
        variants += [
            Variant(name: "LMDB, not decoded") { key in lmdb.payload(of: key) == nil ? 0 : DrawnLists.length },
            Variant(name: "LMDB, decoded to rows") { key in
                guard let payload = lmdb.payload(of: key) else { return 0 }
                try PayloadDecoder.decode(payload, into: &decoded)
                return decoded.count
            },
        ]
        return variants
    }
}
