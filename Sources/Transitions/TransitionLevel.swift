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
    private(set) var seen: [Int] = []
    private let slots: Int
    private let shareWeights: [UInt64]
    private let shareCounts: [UInt32]
    private let periods: [UInt8]
    private var isSeen: [Bool]
    /// `[C, slots]`
    private var weights: [UInt64]
    private var counts: [UInt32]
    private var probabilities: [Double]
    /// `[C]`
    private var recent: [UInt32]
    private var earlier: [UInt32]
    /// `[slots]`: what a cluster that was not seen gets of its probability under the shorter key.
    private(set) var backOff: [Double]
    /// `[slots]`
    private(set) var support: [Int]
    private var recentTotal = 0
    private var earlierTotal = 0
    private let clusters: Int

    init(clusters: Int, ages: AgeClasses) {
        self.clusters = clusters
        slots = ages.slots
        shareWeights = ages.shares.flatMap(\.weights)
        shareCounts = ages.shares.flatMap(\.counted)
        periods = ages.shares.map { $0.isRecent ? 1 : $0.isEarlier ? 2 : 0 }
        isSeen = Array(repeating: false, count: clusters)
        weights = Array(repeating: 0, count: clusters * slots)
        counts = Array(repeating: 0, count: clusters * slots)
        probabilities = Array(repeating: 0, count: clusters * slots)
        recent = Array(repeating: 0, count: clusters)
        earlier = recent
        backOff = Array(repeating: 1, count: slots)
        support = Array(repeating: 0, count: slots)
    }

    func clear() {
        for next in seen {
            isSeen[next] = false
            for place in next * slots..<(next + 1) * slots {
                weights[place] = 0
                counts[place] = 0
            }
            recent[next] = 0
            earlier[next] = 0
        }
        seen.removeAll(keepingCapacity: true)
        for slot in 0..<slots { support[slot] = 0 }
        (recentTotal, earlierTotal) = (0, 0)
    }

    @inline(__always)
    func add(_ next: Int, _ ageClass: Int, _ times: UInt32) {
        if !isSeen[next] {
            isSeen[next] = true
            seen.append(next)
        }
        let here = next &* slots, share = ageClass &* slots
        for slot in 0..<slots {
            let n = times &* shareCounts[share &+ slot]
            weights[here &+ slot] &+= UInt64(times) &* shareWeights[share &+ slot]
            counts[here &+ slot] &+= n
            support[slot] &+= Int(n)
        }
        switch periods[ageClass] {
        case 1:
            recent[next] &+= times
            recentTotal &+= Int(times)
        case 2:
            earlier[next] &+= times
            earlierTotal &+= Int(times)
        default: break
        }
    }

    func raw(_ next: Int, _ slot: Int) -> UInt32 { counts[next * slots + slot] }

    /// The share of the key's occurrences in the recent period less that in the period before; 0 where one of them is
    /// empty, as there is nothing to compare.
    func trend(_ next: Int) -> Float {
        guard recentTotal > 0, earlierTotal > 0 else { return 0 }
        return Float(Double(recent[next]) / Double(recentTotal) - Double(earlier[next]) / Double(earlierTotal))
    }

    /// Works out the probabilities in all slots.
    ///
    /// - Parameters:
    ///   - shorter: the levels of the shorter keys, longest last; none for everybody.
    ///   - dropped: the cluster that the shorter key lacks.
    func distribute(_ smoothing: Smoothing, over shorter: ArraySlice<TransitionLevel>, dropped: Int?) {
        for slot in 0..<slots {
            var total = 0.0, discounts = 0.0
            for next in seen {
                let weight = self.weight(next, slot)
                total += weight
                discounts += weight * smoothing.discountShare(raw(next, slot))
            }
            let taken = dropped.map { TransitionLevel.probability($0, slot, shorter, clusters) } ?? 0
            backOff[slot] = (discounts + smoothing.strength) / (total + smoothing.strength) / (1 - taken)
            for next in seen {
                let own = weight(next, slot) * (1 - smoothing.discountShare(raw(next, slot)))
                let lower = TransitionLevel.probability(next, slot, shorter, clusters)
                probabilities[next * slots + slot] = own / (total + smoothing.strength) + backOff[slot] * lower
            }
        }
    }

    /// The successors that were seen in a slot, most probable first, ties by cluster.
    func best(_ count: Int, _ slot: Int) -> ArraySlice<(cluster: Int32, probability: Double)> {
        var all: [(cluster: Int32, probability: Double)] = []
        for next in seen where raw(next, slot) > 0 { all.append((Int32(next), probabilities[next * slots + slot])) }
        all.sort { $0.probability != $1.probability ? $0.probability > $1.probability : $0.cluster < $1.cluster }
        return all.prefix(count)
    }

    private func weight(_ next: Int, _ slot: Int) -> Double {
        Double(weights[next * slots + slot]) / Double(AgeClasses.one)
    }

    private static func probability(
        _ next: Int, _ slot: Int, _ levels: ArraySlice<TransitionLevel>, _ clusters: Int
    ) -> Double {
        var factor = 1.0
        for level in levels.reversed() {
            if level.isSeen[next] { return factor * level.probabilities[next * level.slots + slot] }
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
    func discountShare(_ raw: UInt32) -> Double { raw > 0 ? discount / Double(raw) : 0 }
}
