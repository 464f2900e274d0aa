import Tensors

/// Item vectors as rows of length one, whatever their scale was.
enum UnitRows {
    /// Writes `row / |row|`, or zeros where there is no direction; false where a number is not finite.
    static func copy(_ row: UnsafePointer<Float>, width D: Int, into target: Floats) -> Bool {
        var sum = 0.0
        for d in 0..<D { sum += Double(row[d]) * Double(row[d]) }
        // The greatest floats squared are far from the end of Double, so only infinity and NaN come out as such.
        guard sum.isFinite, sum > 0 else {
            target.update(repeating: 0, count: D)
            return sum.isFinite
        }
        let scale = 1 / sum.squareRoot()
        for d in 0..<D { target[d] = Float(Double(row[d]) * scale) }
        return true
    }
}
