import Tensors

/// Finds the highest of some numbers without putting them in order, unlike the heap behind ``Baselines``' lists: a pool has none.
/// Keeps its room between calls.
struct Selection {
    private var scratch: [Float] = []
    private var places: [Int] = []

    /// Places of the `kept` highest, in ascending order; of equal ones the first.
    ///
    /// - Parameter values: no NaN.
    mutating func highest(_ values: Floats, count: Int, kept: Int) -> [Int] {
        places.removeAll(keepingCapacity: true)
        guard kept > 0 else { return places }
        guard count > kept else {
            places.append(contentsOf: 0..<count)
            return places
        }
        scratch.removeAll(keepingCapacity: true)
        scratch.append(contentsOf: UnsafeBufferPointer(start: values, count: count))
        let bar = scratch.withUnsafeMutableBufferPointer { Self.descending($0, place: kept - 1) }
        var above = 0
        for i in 0..<count where values[i] > bar { above += 1 }
        var equal = kept - above
        for i in 0..<count {
            if values[i] > bar {
                places.append(i)
            } else if values[i] == bar, equal > 0 {
                places.append(i)
                equal -= 1
            }
        }
        return places
    }

    /// What stands at a place once the numbers are in descending order: Hoare's selection, with the median of three.
    private static func descending(_ x: UnsafeMutableBufferPointer<Float>, place: Int) -> Float {
        var low = 0, high = x.count - 1
        while low < high {
            let (a, b, c) = (x[low], x[(low + high) / 2], x[high])
            let pivot = max(min(a, b), min(max(a, b), c))
            var i = low, j = high
            while i <= j {
                while x[i] > pivot { i += 1 }
                while x[j] < pivot { j -= 1 }
                if i <= j {
                    x.swapAt(i, j)
                    i += 1
                    j -= 1
                }
            }
            if place <= j { high = j } else if place >= i { low = i } else { break }
        }
        return x[place]
    }
}
