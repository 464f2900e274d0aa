import Postgres

/// Holds a long job back: to so many users a second, and while the server has enough to do with others.
///
/// What took long earns nothing: each piece of work takes its time from its own beginning, so none comes in a burst.
package final class Pace {
    let usersPerSecond: Double?
    private let conditions: [PauseCondition]
    /// Of its own, since the job's may be in the middle of something.
    private let connection: Connection?
    private var began = ContinuousClock.now

    /// - Parameter usersPerSecond: nil for as many as there can be.
    init(usersPerSecond: Double?, conditions: [PauseCondition], _ context: RunContext) throws {
        self.usersPerSecond = usersPerSecond
        self.conditions = conditions
        connection = conditions.isEmpty ? nil : try context.connect("pace")
        if let connection {
            for condition in conditions { try condition.requireSight(on: connection) }
        }
    }

    /// Before a piece of work: waits while a condition holds.
    func admit(_ context: RunContext) throws {
        if let connection {
            _ = try connection.reconnectIfLost()
            try context.pause { try reason(on: connection) }
        }
        began = .now
    }

    private func reason(on connection: Connection) throws -> String? {
        for condition in conditions {
            if let reason = try condition.reason(on: connection) { return reason }
        }
        return nil
    }

    /// After a piece of work: waits until it has taken as long as it may take.
    func made(_ users: Int, _ context: RunContext) throws {
        guard let usersPerSecond, users > 0 else { return }
        let left = began + .seconds(Double(users) / usersPerSecond) - .now
        if left > .zero { try context.pause(seconds: left / .seconds(1)) }
    }
}
