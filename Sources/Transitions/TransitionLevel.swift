/// What followed one key, in every slot, and the probabilities that follow from it.
///
/// Probabilities are those of a two-parameter (Pitman-Yor) back-off, the interpolated Kneser-Ney family: with aged
/// weights `c`, raw counts `n`, `h'` the key `h` without its oldest cluster `x`,
///
///     P(w|h) = (c(h,w) (1 - D/n(h,w)) + (Σ_v D c(h,v)/n(h,v) + θ) P'(w)) / (Σ_v c(h,v) + θ)
///     P'(w)  = P(w|h') / (1 - P(x|h'))        for w outside h, so that they sum to one there
///
/// and for everybody `P'(w) = 1/C`. A discount `D` is that of a raw count, taken in the weight that the occurrences
/// have kept, since aged counts below one would otherwise be eaten whole.
/// Source: Teh 2006, "A hierarchical Bayesian language model based on Pitman-Yor processes"; D and θ by held-out
/// likelihood and hit rate on four public sets (see ``Smoothing``).
final class TransitionLevel {
    /// Next clusters that were seen in any slot, in the order met.
    var seen: UnsafeBufferPointer<Int32> { UnsafeBufferPointer(start: met, count: metCount) }
    private let clusters: Int
    private let slots: Int
    private let shares: UnsafeMutablePointer<AgeClasses.SlotShare>
    private let periods: UnsafeMutablePointer<UInt8>
    private let met: UnsafeMutablePointer<Int32>
    private var metCount = 0
    private let isMet: UnsafeMutablePointer<Bool>
    /// `[C, slots]`
    private let sums: UnsafeMutablePointer<AgeClasses.SlotShare>
    private let probabilities: UnsafeMutablePointer<Double>
    /// `[C]`
    private let recent: UnsafeMutablePointer<UInt32>
    private let earlier: UnsafeMutablePointer<UInt32>
    /// `[slots]`: what a cluster that was not seen gets of its probability under the shorter key.
    private(set) var backOff: [Double]
    private var recentTotal = 0
    private var earlierTotal = 0

    init(clusters: Int, ages: AgeClasses) {
        self.clusters = clusters
        slots = ages.slots
        shares = TransitionLevel.copy(
            ages.shares.flatMap { share in
                zip(share.weights, share.counted).map { AgeClasses.SlotShare(weight: $0, count: UInt64($1)) }
            })
        periods = TransitionLevel.copy(ages.shares.map { $0.isRecent ? 1 : $0.isEarlier ? 2 : 0 })
        met = TransitionLevel.copy(Array(repeating: 0, count: clusters))
        isMet = TransitionLevel.copy(Array(repeating: false, count: clusters))
        sums = TransitionLevel.copy(Array(repeating: AgeClasses.SlotShare(), count: clusters * slots))
        probabilities = TransitionLevel.copy(Array(repeating: 0, count: clusters * slots))
        recent = TransitionLevel.copy(Array(repeating: 0, count: clusters))
        earlier = TransitionLevel.copy(Array(repeating: 0, count: clusters))
        backOff = Array(repeating: 1, count: slots)
    }

    deinit {
        shares.deallocate()
        periods.deallocate()
        met.deallocate()
        isMet.deallocate()
        sums.deallocate()
        probabilities.deallocate()
        recent.deallocate()
        earlier.deallocate()
    }

    private static func copy<T: BitwiseCopyable>(_ values: [T]) -> UnsafeMutablePointer<T> {
        let copy = UnsafeMutableBufferPointer<T>.allocate(capacity: max(1, values.count))
        _ = copy.initialize(from: values)
        return copy.baseAddress!
    }

    func clear() {
        for next in seen {
            let next = Int(next)
            isMet[next] = false
            (sums + next * slots).update(repeating: AgeClasses.SlotShare(), count: slots)
            recent[next] = 0
            earlier[next] = 0
        }
        metCount = 0
        (recentTotal, earlierTotal) = (0, 0)
    }

    /// Adds a range of occurrences, but for those whose next cluster is one of two; negative for none.
    func add(
        _ codes: UnsafeMutableBufferPointer<UInt64>, _ counts: UnsafeMutableBufferPointer<UInt32>, _ range: Range<Int>,
        _ coding: TransitionCoding, outside key: (Int, Int)
    ) {
        for i in range {
            let next = coding.next(codes[i])
            if next != key.0, next != key.1 { add(next, coding.age(codes[i]), counts[i]) }
        }
    }

    @inline(__always)
    func add(_ next: Int, _ ageClass: Int, _ times: UInt32) {
        if !isMet[next] {
            isMet[next] = true
            met[metCount] = Int32(truncatingIfNeeded: next)
            metCount &+= 1
        }
        let here = sums + next &* slots, share = shares + ageClass &* slots
        for slot in 0..<slots {
            here[slot].weight &+= UInt64(times) &* share[slot].weight
            here[slot].count &+= UInt64(times) &* share[slot].count
        }
        let period = periods[ageClass]
        guard period > 0 else { return }
        if period == 1 {
            recent[next] &+= times
            recentTotal &+= Int(times)
        } else {
            earlier[next] &+= times
            earlierTotal &+= Int(times)
        }
    }

    func raw(_ next: Int32, _ slot: Int) -> Int { Int(sums[Int(next) * slots + slot].count) }

    /// Times that the key was seen in a slot.
    func support(_ slot: Int) -> Int { seen.reduce(0) { $0 + raw($1, slot) } }

    /// The share of the key's occurrences in the recent period less that in the period before; 0 where one of them is
    /// empty, as there is nothing to compare.
    func trend(_ next: Int32) -> Float {
        let next = Int(next)
        guard recentTotal > 0, earlierTotal > 0 else { return 0 }
        return Float(Double(recent[next]) / Double(recentTotal) - Double(earlier[next]) / Double(earlierTotal))
    }

    /// Works out the probabilities in all slots.
    ///
    /// - Parameters:
    ///   - shorter: the levels of the shorter keys, longest last; none for everybody.
    ///   - dropped: the cluster that the shorter key lacks.
    func distribute(_ smoothing: Smoothing, over shorter: ArraySlice<TransitionLevel>, dropped: Int32?) {
        for slot in 0..<slots {
            var total = 0.0, discounts = 0.0
            for next in seen {
                let weight = self.weight(next, slot)
                total += weight
                discounts += weight * smoothing.discountShare(raw(next, slot))
            }
            let taken = dropped.map { TransitionLevel.probability($0, slot, shorter, clusters) } ?? 0
            backOff[slot] = (discounts + smoothing.strength) / (total + smoothing.strength) / (1 - taken)
            let (factor, whole) = (backOff[slot], total + smoothing.strength)
            for next in seen {
                let own = weight(next, slot) * (1 - smoothing.discountShare(raw(next, slot)))
                let lower = TransitionLevel.probability(next, slot, shorter, clusters)
                probabilities[Int(next) * slots + slot] = own / whole + factor * lower
            }
        }
    }

    /// The successors that were seen in a slot, most probable first, ties by cluster.
    func best(_ count: Int, _ slot: Int) -> ArraySlice<(cluster: Int32, probability: Double)> {
        var all: [(cluster: Int32, probability: Double)] = []
        for next in seen where raw(next, slot) > 0 { all.append((next, probabilities[Int(next) * slots + slot])) }
        all.sort { $0.probability != $1.probability ? $0.probability > $1.probability : $0.cluster < $1.cluster }
        return all.prefix(count)
    }

    private func weight(_ next: Int32, _ slot: Int) -> Double {
        Double(sums[Int(next) * slots + slot].weight) / Double(AgeClasses.one)
    }

    private static func probability(
        _ next: Int32, _ slot: Int, _ levels: ArraySlice<TransitionLevel>, _ clusters: Int
    ) -> Double {
        var factor = 1.0
        for level in levels.reversed() {
            if level.isMet[Int(next)] { return factor * level.probabilities[Int(next) * level.slots + slot] }
            factor *= level.backOff[slot]
        }
        return factor / Double(clusters)
    }
}

/// How much a key's own counts say against those of the shorter key.
///
/// Each value is for keys of one length. Chosen on taobao-userbehavior-983 (categories), ml-1m (genres), online-retail
/// and amazon-beauty (√items groups by co-occurrence): last tenth of time held out, half-life 90 days.
struct Smoothing {
    let discount: Double
    let strength: Double

    static func ofKey(length: Int, clusters: Int) -> Smoothing {
        switch length {
        // Half an occurrence of every cluster: a cluster that nobody was in yet has a chance.
        case 0: Smoothing(discount: 0, strength: Double(clusters) / 2)
        case 1: Smoothing(discount: 0.8, strength: 20)
        default: Smoothing(discount: 0.8, strength: 50)
        }
    }

    /// The share of a successor's weight that goes to those not seen.
    func discountShare(_ raw: Int) -> Double { raw > 0 ? discount / Double(raw) : 0 }
}
