import Domain

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// Draws the items that a batch is contrasted with.
///
/// By popularity an item is drawn as often as it was had, and once more so that none is never drawn; its weight in the sum over negatives
/// is divided by that (logQ correction: Bengio and Senecal 2008; Yi et al., RecSys 2019), so that the sum still estimates the one
/// over the whole catalogue, with less noise where popular items are the likely ones.
package struct NegativeSampler: Sendable {
    private let items: Int
    private let count: Int
    /// Of how many draws the items up to a row take part, by popularity; empty where all are drawn alike.
    private var upTo: [Double] = []
    /// `log(Q / uniform)`
    private var logShares: [Float] = []

    /// - Parameters:
    ///   - count: `R`; where the catalogue is no larger, all of it is taken.
    ///   - histories: what popularity is counted of; nil for all alike.
    package init(items: Int, count: Int, popularityOf histories: [TokenHistory]?) {
        (self.items, self.count) = (items, count)
        guard let histories, count < items else { return }
        var had = [Double](repeating: 1, count: items)
        for history in histories { for row in history.rows { had[Int(row)] += 1 } }
        let all = had.reduce(0, +)
        logShares = had.map { Float(log($0 / all * Double(items))) }
        var sum = 0.0
        upTo = had.map {
            sum += $0
            return sum
        }
    }

    /// The rows, and what is to be taken off each one's logit; no corrections where there is nothing to correct.
    package func draw(_ generator: inout SeededGenerator) -> (rows: [Int32], corrections: [Float]) {
        guard count < items else { return (Array(0..<Int32(items)), []) }
        guard let all = upTo.last else { return ((0..<count).map { _ in Int32(generator.below(items)) }, []) }
        let rows = (0..<count).map { _ in row(at: generator.uniform() * all) }
        return (rows, rows.map { logShares[Int($0)] })
    }

    /// The first row whose sum lies above.
    private func row(at point: Double) -> Int32 {
        var low = 0, high = items - 1
        while low < high {
            let middle = (low + high) / 2
            if upTo[middle] > point { high = middle } else { low = middle + 1 }
        }
        return Int32(low)
    }
}
