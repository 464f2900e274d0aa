/// What one gate found.
package struct GateFinding: Sendable, Equatable {
    package var gate: Gate
    package var passed: Bool
    /// What was found, with its unit. Never a key of a user or an item.
    package var figure: String
    /// What was allowed.
    package var bound: String
    /// Shows the offending rows, or the figures, when pasted into psql.
    package var query: String

    package init(gate: Gate, passed: Bool, figure: String, bound: String, query: String) {
        self.gate = gate
        self.passed = passed
        self.figure = figure
        self.bound = bound
        self.query = query
    }
}
