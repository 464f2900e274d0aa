/// How a backfill is to be held back, as it was asked.
package struct BackfillPace: Sendable {
    /// nil for as many as there can be.
    package let usersPerSecond: Double?
    package let conditions: [PauseCondition]

    package init(usersPerSecond: Double?, conditions: [PauseCondition]) {
        self.usersPerSecond = usersPerSecond
        self.conditions = conditions
    }

    /// nil where nothing holds it back.
    func begin(_ context: RunContext) throws -> Pace? {
        guard usersPerSecond != nil || !conditions.isEmpty else { return nil }
        return try Pace(usersPerSecond: usersPerSecond, conditions: conditions, context)
    }
}
