import Domain
import Foundation

/// Draws rows 0..<count with a probability of 1 / (row + 1).
struct ZipfLaw: Sendable {
    /// The sums of all probabilities up to each row, not normed.
    private let sums: [Double]

    init(_ count: Int) {
        var sum = 0.0
        sums = (1...count).map {
            sum += 1 / Double($0)
            return sum
        }
    }

    func draw(using draw: inout SeededGenerator) -> UInt32 {
        let wanted = draw.uniform() * sums[sums.count - 1]
        var low = 0, high = sums.count - 1
        while low < high {
            let middle = (low + high) / 2
            if sums[middle] < wanted { low = middle + 1 } else { high = middle }
        }
        return UInt32(low)
    }
}

/// The logarithm of 1 - x.
func log1m(_ x: Double) -> Double { log1p(-x) }
