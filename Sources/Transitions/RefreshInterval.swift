#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// How long a table stays good, by how its overlap with newer ones falls.
///
/// The overlap after `d` days is taken for `exp(-d / τ)`, which is one at once; `1/τ` is that of least squares through
/// the logarithms, `Σ d·(-ln overlap) / Σ d²`, and the interval is where the curve falls to the wanted overlap.
package enum RefreshInterval: Equatable, Sendable {
    /// No overlap was measured, such as at the first build.
    case unknown
    /// Nothing changed in as many days as were looked at.
    case longerThan(days: Int)
    case days(Double)

    /// The smallest overlap that is told from none, whose logarithm is no number.
    private static let smallest = 0.001

    package init(_ overlaps: [(days: Int, overlap: Double)], keeping wanted: Double) {
        precondition(wanted > 0 && wanted < 1, "an overlap to keep is between none and all")
        guard let longest = overlaps.map(\.days).max() else {
            self = .unknown
            return
        }
        var falls = 0.0, squares = 0.0
        for (days, overlap) in overlaps {
            falls += Double(days) * -log(min(1, max(RefreshInterval.smallest, overlap)))
            squares += Double(days * days)
        }
        self = falls > 0 ? .days(-log(wanted) * squares / falls) : .longerThan(days: longest)
    }
}

extension RefreshInterval: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unknown: "unknown, nothing to compare with"
        case .longerThan(let days): "more than \(days) days, nothing changed"
        case .days(let days): "\((days * 10).rounded() / 10) days"
        }
    }
}
