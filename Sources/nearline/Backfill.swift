import ArgumentParser
import Pipeline

struct Backfill: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "Makes past days' releases to look into, or some users' lists anew; nothing of it stops what is served.",
        discussion: """
            --from and --to make a release for each day from the one up to the other, which is not one of them: as of the
            midnight (UTC) at which it begins, with the newest model that has seen nothing later. They pass the gates and are
            never served by themselves; days that are done are skipped, and a killed one is gone on with.

            --users and --where make lists of these users as of now, into the overlay of the current release. --where is SQL:
            what may follow WHERE in a query of the events, run by this role in a READ ONLY transaction.

            What will be done is said first, and no question is asked. One backfill runs at a time.

            Example: nearline backfill --from 2026-01-01 --to 2026-02-01 --max-rate 500 --pause-if 'replication-lag>30s'
            Example: nearline backfill --where "action = 'purchase' AND occurred_at > now() - interval '1 hour'"
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var source: SourceOptions
    @OptionGroup var limits: LimitOptions
    @OptionGroup var clusters: ClusterOptions
    @Option(help: ArgumentHelp("The first day, as 2026-01-31 or today.", valueName: "day"))
    var from: String?
    @Option(help: ArgumentHelp("The day after the last one.", valueName: "day"))
    var to: String?
    @Option(help: ArgumentHelp("File with a user a line; - reads standard input.", valueName: "file"))
    var users: String?
    @Option(
        name: .customLong("where"), help: ArgumentHelp("Condition in SQL on the events of users.", valueName: "sql"))
    var condition: String?
    @Option(help: "Model artifact for all days (default: for each the newest that has seen nothing later).")
    var model: String?
    @Flag(help: "Take a model that has seen later events too; a day's lists may know then what came after it.")
    var withLaterModel = false
    @OptionGroup var lists: ListOptions
    @Flag(help: "Make days anew that are done.")
    var again = false
    @Option(help: ArgumentHelp("Users a second at most.", valueName: "users"))
    var maxRate: Double?
    @Option(
        help: ArgumentHelp(
            "Pause while this holds: replication-lag>30s, replication-lag>64MB, connections>80; may be repeated.",
            valueName: "condition"))
    var pauseIf: [String] = []
    @Option(help: "Processes that make lists of days; more may join with nearline work, from here or from other hosts.")
    var workers = 1
    @Flag(help: "Only say what would be made, reading in READ ONLY transactions.")
    var dryRun = false

    func validate() throws {
        guard (from == nil) == (to == nil) else { throw ValidationError("--from and --to go together") }
        guard [from, users, condition].count(where: { $0 != nil }) == 1 else {
            throw ValidationError("give days (--from and --to), --users or --where, one of them")
        }
        guard from != nil || model == nil && !withLaterModel && !again && !lists.isGiven else {
            throw ValidationError(
                "--model, --with-later-model, --again, --candidates and what else is wanted of lists are for days; "
                    + "users get the current release's")
        }
        guard (1...256).contains(workers), from != nil || workers == 1 else {
            throw ValidationError("--workers must be between 1 and 256, and is for days; got \(workers)")
        }
        guard maxRate.map({ $0 > 0 && $0.isFinite }) ?? true else {
            throw ValidationError("--max-rate must be more than 0, got \(maxRate!)")
        }
        _ = try pace()
    }

    private func pace() throws -> BackfillPace {
        do {
            return BackfillPace(usersPerSecond: maxRate, conditions: try pauseIf.map { try PauseCondition($0) })
        } catch {
            throw ValidationError("--pause-if: \(error)")
        }
    }

    func run() throws {
        let flags = source.settings.merging(clusters.settings) { $1 }.merging(limits.settings) { $1 }
            .merging(lists.settings) { $1 }
        try execute("backfill", common, flags) { context in
            if let from, let to {
                return try BackfillDates(
                    from: from, to: to, modelFile: model, allowsLaterModel: withLaterModel, again: again, pace: pace(),
                    workers: workers, dryRun: dryRun
                ).run(context)
            }
            let choice = users.map { UserChoice.file($0) } ?? .condition(condition!)
            return try BackfillUsers(choice: choice, pace: pace(), dryRun: dryRun).run(context)
        }
    }
}
