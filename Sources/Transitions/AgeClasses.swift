#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// What one occurrence adds to the sums of its key, by its age: ages that add the same are one class, so that equal
/// occurrences fold into one number early.
///
/// A *slot* is a table as of some days ago: slot 0 is today's, the others those of the lags. With lag `d` an occurrence
/// of age `a` is of age `a - d`; nothing has to be read again.
struct AgeClasses: Sendable {
    struct Share: Equatable, Sendable {
        /// `[slots]`: 0 or 1.
        var counted: [UInt32]
        /// `[slots]`: fixed point, ``one`` for today's.
        var weights: [UInt64]
        var isRecent = false
        var isEarlier = false
    }

    /// What an occurrence adds in one slot, and sums of it.
    struct SlotShare: BitwiseCopyable, Sendable {
        var weight: UInt64 = 0
        var count: UInt64 = 0
    }

    /// The weight of an occurrence without ageing: whole numbers, so that sums do not depend on their order.
    static let one = 1 << 20
    /// The class of an age that no slot counts.
    static let none = UInt16.max

    let shares: [Share]
    let slots: Int
    /// `[oldest + 1]`: an older one is as the oldest.
    let classOfAge: [UInt16]

    init(_ settings: TransitionSettings) {
        let starts = [0] + settings.lags
        let oldest = settings.windowDays > 0 ? settings.windowDays + starts.last! : AgeClasses.oldestAge
        var shares: [Share] = [], classes: [UInt16] = []
        for age in 0...oldest {
            let share = Share(age, starts, settings)
            if share.counted.allSatisfy({ $0 == 0 }) {
                classes.append(AgeClasses.none)
                continue
            }
            // Neighbours alone can be equal: weights fall with age.
            if shares.last != share { shares.append(share) }
            classes.append(UInt16(shares.count - 1))
        }
        self.shares = shares
        slots = starts.count
        classOfAge = classes
    }

    /// Beyond it all weights are those of this age; a century.
    private static let oldestAge = 36_525
}

extension AgeClasses.Share {
    fileprivate init(_ age: Int, _ starts: [Int], _ settings: TransitionSettings) {
        let ages = starts.map { age - $0 }
        let isCounted = ages.map { $0 >= 0 && (settings.windowDays == 0 || $0 < settings.windowDays) }
        counted = isCounted.map { $0 ? 1 : 0 }
        weights = zip(ages, isCounted).map { $1 ? AgeClasses.Share.weight($0, settings.halfLifeDays) : 0 }
        isRecent = isCounted[0] && age < settings.trendDays
        isEarlier = isCounted[0] && age >= settings.trendDays && age < 2 * settings.trendDays
    }

    /// Never nothing: what counts as seen has some weight, if only the smallest.
    private static func weight(_ age: Int, _ halfLifeDays: Int) -> UInt64 {
        guard halfLifeDays > 0 else { return UInt64(AgeClasses.one) }
        return UInt64(max(1, (Double(AgeClasses.one) * exp2(-Double(age) / Double(halfLifeDays))).rounded()))
    }
}
