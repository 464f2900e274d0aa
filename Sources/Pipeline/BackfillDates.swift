import Domain
import Histories
import Ledger
import Model
import Postgres
import ResultTables

/// `nearline backfill --from --to`: a release for each past day, as of its beginning, to be looked into and not served.
package struct BackfillDates {
    package var from: String
    /// The day after the last one.
    package var to: String
    package var modelFile: String?
    package var allowsLaterModel: Bool
    package var again: Bool
    package var pace: BackfillPace
    /// Processes that make lists, this one with them.
    package var workers: Int
    package var dryRun: Bool

    package init(
        from: String, to: String, modelFile: String?, allowsLaterModel: Bool, again: Bool, pace: BackfillPace,
        workers: Int = 1, dryRun: Bool
    ) {
        (self.from, self.to, self.modelFile) = (from, to, modelFile)
        (self.allowsLaterModel, self.again, self.pace, self.workers, self.dryRun) = (
            allowsLaterModel, again, pace, workers, dryRun
        )
    }

    private struct Facts: Encodable {
        var made: [String] = []
        var done: Int
        var users = 0
        var releases: [Int] = []
    }

    package func run(_ context: RunContext) throws -> Answer {
        let connection = try context.connectToSchema(isReadOnly: dryRun)
        let source = try context.source(on: connection)
        let dates = try range(on: connection)
        let plan = try plan(dates, context, source, on: connection)
        var facts = Facts(done: plan.done)
        if dryRun { return Answer("would backfill \(from) to \(to):\n\(plan.text)", facts) }
        guard plan.done < plan.steps.count else {
            return Answer("nothing to do: all \(plan.done) days from \(from) to \(to) are done", facts)
        }
        context.log.info("plan", metadata: ["what": "\(plan.text.replacing("\n", with: "; "))"])
        try requireRoom(plan, context, on: connection)
        try context.booked(on: connection, settings: settings(context)) { ledger, report in
            context.pace = try pace.part(of: workers).begin(context)
            // Looked at anew: another backfill may have come to its end meanwhile.
            for (date, step) in try self.plan(dates, context, source, on: connection).steps {
                try context.safePoint()
                guard let made = try perform(step, date, ledger, &report, context, source, on: connection) else {
                    report.counts["dates done before", default: 0] += 1
                    continue
                }
                facts.made.append("\(date)")
                facts.releases.append(made)
            }
            report.counts["dates made"] = facts.made.count
            facts.users = report.counts["users"] ?? 0
        }
        return Answer(
            "made \(facts.made.count) days from \(from) to \(to) (\(facts.users) lists), \(facts.done) were done before; "
                + "nearline releases lists them, nearline lookup --release reads them",
            facts)
    }

    private func range(on connection: Connection) throws -> Range<LogicalDate> {
        let today = try LogicalDate.today(on: connection)
        let first = try LogicalDate(asked: from, today: today)
        // It is not one of them, and so may be tomorrow.
        let end = try LogicalDate(asked: to, today: today.advanced(by: 1))
        guard first < end else { throw BackfillError.emptyRange(from: from, to: to) }
        return first..<end
    }

    private func plan(
        _ dates: Range<LogicalDate>, _ context: RunContext, _ source: EventSource, on connection: Connection
    ) throws -> BackfillPlan {
        try BackfillPlan(
            dates, again: again, modelFile: modelFile, allowsLater: allowsLaterModel,
            maxRate: pace.usersPerSecond, context, source, on: connection)
    }

    private func requireRoom(_ plan: BackfillPlan, _ context: RunContext, on connection: Connection) throws {
        try DiskSpace.requireRoom(
            forRelease: context.settings.int("candidates"), users: plan.users.map { $0 * plan.toMake }, unlogged: false,
            what: "\(plan.toMake) days", context: context, on: connection)
    }

    private func settings(_ context: RunContext) -> String {
        context.settings.json(ReleaseWish.decisive, with: pace.settings)
    }

    /// - Returns: the release of the day; nil where it was done.
    private func perform(
        _ step: BackfillPlan.Step, _ date: LogicalDate, _ ledger: RunLedger, _ report: inout RunReport,
        _ context: RunContext, _ source: EventSource, on connection: Connection
    ) throws -> Int? {
        let release: Int
        switch step {
        case .done: return nil
        case .check(let built): release = built
        case .make(let model):
            release = try make(date, model, ledger, &report, context, source, on: connection)
        }
        report.release = release
        try Publication(context, source: source, on: connection).validate(release)
        context.log.info("a day is done", metadata: ["date": "\(date)", "release": "\(release)"])
        return release
    }

    private func make(
        _ date: LogicalDate, _ model: BackfillModel, _ ledger: RunLedger, _ report: inout RunReport,
        _ context: RunContext, _ source: EventSource, on connection: Connection
    ) throws -> Int {
        let artifact = try ModelArtifact(path: model.file)
        try ModelRegistry(connection).registerIfForeign(model.name, artifact, file: modelFile)
        let instant = try Instant(date.midnight, source: source, on: connection)
        let wish = try ReleaseWish(
            asOf: instant, serveAt: instant, (model.name, artifact), asked: date.midnight, date: date, isHistory: true,
            context, source, on: connection)
        let unfinished = LeftReleases(context, on: connection)
        let left = try unfinished.goOn(with: wish.facts, unlogged: false)
        let build = ReleaseBuild(
            context: context, source: source, artifact: artifact, facts: wish.facts, asOf: instant, serveAt: instant,
            fingerprint: wish.fingerprint, unlogged: false, workers: workers, ledger: ledger, connection: connection)
        var own = RunReport()
        defer { report.counts.merge(own.counts) { $0 + $1 } }
        do {
            return try build.make(goingOnWith: left, &own)
        } catch {
            try? unfinished.giveUp(own.release, because: error, on: connection)
            throw error
        }
    }
}
