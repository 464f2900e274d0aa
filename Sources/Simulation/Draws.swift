import Domain
import Glibc

extension SeededGenerator {
    mutating func happens(withProbability probability: Double) -> Bool { uniform() < probability }

    /// Uniform in a closed range.
    mutating func within(_ range: ClosedRange<Int>) -> Int { range.lowerBound + below(range.count) }

    /// A standard normal, by Box and Muller.
    mutating func normal() -> Double {
        // 1 - u lies in (0, 1], whose logarithm is finite.
        (-2 * log(1 - uniform())).squareRoot() * cos(2 * Double.pi * uniform())
    }

    mutating func element<Element>(of array: [Element]) -> Element { array[below(array.count)] }
}

/// Draws positions in proportion to fixed weights, in logarithmic time.
struct WeightedChoice: Sendable {
    private let cumulative: [Double]

    /// - Parameter weights: none negative, at least one positive.
    init(_ weights: [Double]) {
        var sum = 0.0
        cumulative = weights.map { weight in
            sum += weight
            return sum
        }
        precondition(sum > 0, "a choice needs a positive weight")
    }

    func draw(using random: inout SeededGenerator) -> Int {
        let target = random.uniform() * cumulative[cumulative.count - 1]
        var low = 0
        var high = cumulative.count - 1
        while low < high {
            let middle = (low + high) / 2
            if cumulative[middle] > target { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
