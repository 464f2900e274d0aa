import Foundation
import Ledger

/// How a backfill is to be held back, as it was asked.
package struct BackfillPace: Sendable {
    /// nil for as many as there can be.
    package let usersPerSecond: Double?
    package let conditions: [PauseCondition]

    package init(usersPerSecond: Double?, conditions: [PauseCondition]) {
        self.usersPerSecond = usersPerSecond
        self.conditions = conditions
    }

    /// What a process that joins the run has to keep to: its conditions, and a part of its rate.
    init(of joined: JoinableRun, run: Int, ownUsersPerSecond: Double?) throws {
        let settings = (try? JSONDecoder().decode([String: String].self, from: Data(joined.settings.utf8))) ?? [:]
        if let rate = settings[Self.rateName], ownUsersPerSecond == nil {
            throw LedgerError.notJoinable(
                run: run,
                reason: "it is held to \(rate) users a second; say with --max-rate how many this process may make")
        }
        usersPerSecond = ownUsersPerSecond
        conditions = try (settings[Self.conditionsName] ?? "").split(separator: ",").map { try PauseCondition("\($0)") }
    }

    private static let rateName = "max-rate", conditionsName = "pause-if"

    /// As the run's row shows it, to people and to those who join.
    var settings: [String: String] {
        var settings = [Self.rateName: usersPerSecond.map { "\($0)" }].compactMapValues { $0 }
        if !conditions.isEmpty { settings[Self.conditionsName] = conditions.map(\.text).joined(separator: ",") }
        return settings
    }

    /// Of one of so many processes: the rate is that of all of them together.
    func part(of processes: Int) -> BackfillPace {
        BackfillPace(usersPerSecond: usersPerSecond.map { $0 / Double(processes) }, conditions: conditions)
    }

    /// nil where nothing holds it back.
    func begin(_ context: RunContext) throws -> Pace? {
        guard usersPerSecond != nil || !conditions.isEmpty else { return nil }
        return try Pace(usersPerSecond: usersPerSecond, conditions: conditions, context)
    }
}
