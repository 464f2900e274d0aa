import Domain
import Synchronization
import Tensors

/// Where the counting of transitions may take its memory from, and where it goes on when that is used up.
package struct CountingSpace: Sendable {
    /// For the codes of one tally, and again for the merge of all.
    package var memoryBytes: Int
    /// For temporary files.
    package var folder: String

    package init(memoryBytes: Int = 128 << 20, folder: String = "/tmp") {
        self.memoryBytes = memoryBytes
        self.folder = folder
    }
}

/// Counts, user by user, which cluster comes next after the last ones.
///
/// A user is the sequence of the clusters of positively engaged items in order of time, neighbours that are equal taken
/// as one at the time of the first; users with fewer than two distinct clusters say nothing. An occurrence at place
/// `t >= 1` is dated by the time of its next cluster `seq[t]` and has the keys `()`, `(seq[t-1])`, `(seq[t-2],
/// seq[t-1])` and so on up to the key length; a key counts it only where its clusters are distinct and the next one is
/// none of them (novel).
///
/// Several tallies, each over users of its own and on a thread of its own, are merged by ``finish(_:workers:)``; counts
/// and weights are whole numbers, so that the outcome does not depend on who counted what, in which order, or how often
/// memory ran out.
/// Source: Google's hybrid of fine-tuning and lookup, arXiv:2510.20260. Departures: keys of one cluster and of none are
/// counted too, so that a lookup can back off, and occurrences weigh less with age.
package final class TransitionTally: @unchecked Sendable {
    private let asOf: Int64
    private let ages: AgeClasses
    private let coding: TransitionCoding
    private let settings: TransitionSettings
    private let space: CountingSpace
    private var codes: UnsafeMutableBufferPointer<UInt64>
    private var scratch: UnsafeMutableBufferPointer<UInt64>
    private var used = 0
    private var runs: [SortedRun] = []
    private var spilled: TemporaryFile?
    private static let microsecondsPerDay: Int64 = 86_400_000_000

    /// - Parameters:
    ///   - clusters: how many there are; they are numbered from 0.
    ///   - asOf: microseconds since 1970; later occurrences do not count.
    package init(
        clusters: Int, asOf: Int64, settings: TransitionSettings, space: CountingSpace = CountingSpace()
    ) throws(TransitionError) {
        try settings.check()
        self.asOf = asOf
        self.settings = settings
        self.space = space
        ages = AgeClasses(settings)
        coding = try TransitionCoding(
            clusters: clusters, keyLength: settings.keyLength, ageClasses: ages.shares.count)
        // A code has its place, one in the scratch space, and one in a run in memory.
        let capacity = max(1024, space.memoryBytes / (16 + SortedRun.bytesPerCode))
        codes = .allocate(capacity: capacity)
        scratch = .allocate(capacity: capacity)
    }

    deinit { letGo() }

    private func letGo() {
        codes.deallocate()
        scratch.deallocate()
        codes = UnsafeMutableBufferPointer(start: nil, count: 0)
        scratch = codes
        runs = []
    }

    /// Counts one user.
    ///
    /// - Parameters:
    ///   - clusters: of the engaged events, in order; those of negative numbers are no clusters and left out.
    ///   - times: microseconds since 1970, not falling.
    package func add(clusters: Span<Int32>, times: Span<Int64>) throws(TemporaryFileError) {
        precondition(clusters.count == times.count, "every event has a cluster and a time")
        let bits = UInt64(coding.clusterBits), ageBits = UInt64(coding.ageBits),
            latestShift = UInt64(coding.latestShift)
        // The key's clusters plus one: the latest in the highest lane.
        let lowest: UInt64 = 1 << (bits &+ ageBits)
        let keyMask = ~(lowest &- 1)
        var key: UInt64 = 0, latest: Int32 = -1
        for i in clusters.indices {
            let cluster = clusters[unchecked: i]
            guard cluster != latest, cluster >= 0 else { continue }
            if latest >= 0, let age = ageClass(times[unchecked: i]) {
                if used == codes.count { try flush() }
                codes[used] = key | UInt64(cluster) &<< ageBits | age
                used &+= 1
            }
            precondition(cluster < coding.clusters, "clusters are numbered from 0 to \(coding.clusters - 1)")
            key = ((key &>> bits) & keyMask) | UInt64(cluster &+ 1) &<< latestShift
            latest = cluster
        }
    }

    package func add(clusters: [Int32], times: [Int64]) throws(TemporaryFileError) {
        try add(clusters: clusters.span, times: times.span)
    }

    /// What all tallies of one count have seen together; they are of no use afterwards.
    ///
    /// - Parameter tallies: made with the same clusters, instant and settings.
    package static func finish(_ tallies: [TransitionTally], workers: Int) throws(TemporaryFileError)
        -> TransitionCounts
    {
        precondition(!tallies.isEmpty, "there is nothing to finish")
        let first = tallies[0]
        precondition(
            tallies.allSatisfy { $0.coding == first.coding && $0.settings == first.settings && $0.asOf == first.asOf },
            "tallies of one count are made alike")
        let failure = Mutex<TemporaryFileError?>(nil)
        WorkerPool(workers: workers).forEach(tallies.count) { tally, _ in
            do throws(TemporaryFileError) {
                try tallies[tally].flush()
            } catch {
                failure.withLock { $0 = $0 ?? error }
            }
        }
        if let failure = failure.withLock({ $0 }) { throw failure }
        let runs = tallies.flatMap(\.runs)
        for tally in tallies { tally.letGo() }
        let merge = RunMerge(
            memoryBytes: first.space.memoryBytes * tallies.count, folder: first.space.folder, workers: workers)
        return TransitionCounts(
            run: try merge.merge(runs), coding: first.coding, ages: first.ages, settings: first.settings)
    }

    @inline(__always)
    private func ageClass(_ time: Int64) -> UInt64? {
        let age = asOf &- time
        guard age >= 0 else { return nil }
        let days = min(Int(age / TransitionTally.microsecondsPerDay), ages.classOfAge.count &- 1)
        let found = ages.classOfAge[days]
        return found == AgeClasses.none ? nil : UInt64(found)
    }

    /// Turns what is there into a sorted run: in memory while that has room, else on disk.
    private func flush() throws(TemporaryFileError) {
        guard used > 0 else { return }
        let filled = UnsafeMutableBufferPointer(rebasing: codes[0..<used])
        CodeSort.sort(filled, scratch: scratch, bits: coding.bits)
        let run = scratch.withMemoryRebound(to: UInt32.self) { counts in
            let count = CodeSort.fold(filled, counts: counts)
            return RunMemory(copying: codes[0..<count], counts[0..<count])
        }
        used = 0
        let room = codes.count * SortedRun.bytesPerCode
        if runs.reduce(0, { $0 + $1.memoryBytes }) + run.count * SortedRun.bytesPerCode <= room {
            runs.append(SortedRun([run]))
        } else {
            if spilled == nil { spilled = try TemporaryFile(in: space.folder) }
            runs.append(try run.spill(to: spilled!))
        }
    }
}
