import Domain
import Histories
import Ledger
import Postgres
import ResultTables

/// What a backfill of days will do, before it does it.
struct BackfillPlan {
    enum Step {
        case done(release: Int)
        /// Whole, and its gates were not checked, or refused it.
        case check(release: Int)
        case make(BackfillModel)
    }

    let steps: [(date: LogicalDate, step: Step)]
    /// Days that a killed run has begun.
    let begun: Int
    /// Users of a release, as far as can be said; nil where nobody can.
    let users: Int?
    /// Of the tables of one release, from above.
    let bytesPerDay: Int
    /// Users a second, of the last run that made lists; nil where there was none.
    let rate: Double?

    var toMake: Int { steps.count { if case .make = $0.step { true } else { false } } }
    var done: Int { steps.count { if case .done = $0.step { true } else { false } } }

    /// - Parameter again: also days that are done.
    init(
        _ dates: Range<LogicalDate>, again: Bool, modelFile: String?, allowsLater: Bool, maxRate: Double?,
        _ context: RunContext, _ source: EventSource, on connection: Connection
    ) throws {
        let catalogue = ReleaseCatalogue(connection)
        steps = try (dates.lowerBound.day..<dates.upperBound.day).map { day in
            let date = LogicalDate(day: day)
            if !again, let row = try catalogue.history(of: date) {
                let gates = try catalogue.gates(of: row.release)
                let isSound = gates.passed > 0 && gates.failed.isEmpty || row.state != "validated"
                return (date, isSound ? .done(release: row.release) : .check(release: row.release))
            }
            return (
                date,
                .make(
                    try BackfillModel(for: date, file: modelFile, allowsLater: allowsLater, source, on: connection))
            )
        }
        begun = try steps.count { try !catalogue.unfinished(history: $0.date).isEmpty }
        users = try DiskSpace.expectedUsers(events: source.names.events, on: connection)
        bytesPerDay = try DiskSpace.forecast(
            users: users ?? 0, candidates: context.settings.int("candidates"), unlogged: true, on: connection)
        let found = try RunHistory(connection).usersPerSecond()
        rate = [found, maxRate].compactMap(\.self).min()
    }

    /// What will be done, how much of it, how long it takes and what it stores.
    var text: String {
        var lines = [
            "\(toMake) of \(steps.count) days to make, \(done) are done" + (begun > 0 ? ", \(begun) begun" : "")
        ]
        for (model, dates) in models {
            let late = model.hasSeenLater ? ", which has seen later events" : ""
            let trained = model.trainedTo.map { ", trained to \($0)" } ?? ""
            lines.append("\(dates) days with \(model.name)\(trained)\(late)")
        }
        guard let users else { return (lines + ["the number of users is not known yet"]).joined(separator: "\n") }
        let time = rate.map { ", about \(Int((Double(users * toMake) / $0).rounded(.up))) s" } ?? ", time not known yet"
        lines.append("about \(users) users a day, \(users * toMake) lists, \(sizeText(bytesPerDay * toMake))\(time)")
        return lines.joined(separator: "\n")
    }

    private var models: [(BackfillModel, Int)] {
        var found: [(BackfillModel, Int)] = []
        for case (_, .make(let model)) in steps {
            if let place = found.firstIndex(where: {
                $0.0.name == model.name && $0.0.hasSeenLater == model.hasSeenLater
            }) {
                found[place].1 += 1
            } else {
                found.append((model, 1))
            }
        }
        return found
    }
}
