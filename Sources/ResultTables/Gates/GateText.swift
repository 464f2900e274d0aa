/// A share as a person reads it: `12.5 %`, cut at a hundredth of a percent.
func percent(_ share: Double) -> String { "\(rounded(share * 100, places: 2)) %" }

/// `3 of 40 (7.5 %)`.
func portion(_ part: Int, of whole: Int) -> String {
    "\(part) of \(whole) (\(percent(whole > 0 ? Double(part) / Double(whole) : 0)))"
}

/// A number cut to so many decimal places.
func rounded(_ value: Double, places: Int) -> Double {
    let scale = (0..<places).reduce(1.0) { scale, _ in scale * 10 }
    return (value * scale).rounded() / scale
}
