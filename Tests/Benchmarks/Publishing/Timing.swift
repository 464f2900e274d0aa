/// How long `body` took, in seconds.
func seconds(_ body: () throws -> Void) rethrows -> Double {
    let start = ContinuousClock.now
    try body()
    return (ContinuousClock.now - start) / .seconds(1)
}

extension [Double] {
    var median: Double {
        let sorted = sorted(), middle = count / 2
        return count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }
}

extension Double {
    /// As text, with so many digits behind the point.
    func text(_ digits: Int) -> String {
        guard isFinite else { return "-" }
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        let rounded = (magnitude * scale).rounded(), whole = (rounded / scale).rounded(.towardZero)
        let fraction = String(Int(rounded - whole * scale))
        let sign = self < 0 ? "-" : ""
        guard digits > 0 else { return sign + String(Int(whole)) }
        return "\(sign)\(Int(whole)).\(String(repeating: "0", count: digits - fraction.count))\(fraction)"
    }
}
