/// A length of time as people write it on a command line: `26h`, `90m`, `45s`, `2d`.
package struct Age: Sendable, Equatable {
    package let seconds: Double
    package let text: String

    /// nil for anything else, and for nothing.
    package init?(_ text: String) {
        let units: [Character: Double] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
        guard let unit = text.last.flatMap({ units[$0] }), let count = Int(text.dropLast()), count > 0 else {
            return nil
        }
        seconds = Double(count) * unit
        self.text = text
    }
}
