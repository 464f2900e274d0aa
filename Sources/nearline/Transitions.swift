import ArgumentParser
import Pipeline

struct Transitions: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Counts anew which clusters of items come next, for the release that is served.",
        discussion: """
            Patterns decay fast: run it several times a day if need be; it needs no model. Readers see the transitions from
            before until all new ones are there. The same events twice are a no-op.

            Example: nearline transitions
            Example: nearline transitions --churn
            Example: nearline transitions --evaluate --as-of latest
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var source: SourceOptions
    @OptionGroup var snapshots: SnapshotOptions
    @OptionGroup var clusters: ClusterOptions
    @OptionGroup var limits: LimitOptions
    @Option(help: "Events up to this instant: a timestamp, now, or latest (the newest event).")
    var asOf = "now"
    @Flag(help: "Only show how fast successors changed, build by build.")
    var churn = false
    @Flag(help: "Only measure how often what came next had been expected, on events behind a cut.")
    var evaluate = false
    @Option(help: "With --evaluate: the instant of the cut (default: a tenth of the events lies behind it).")
    var cut: String?
    @Option(help: "With --churn: builds shown.")
    var count = 5
    @Flag(help: "Count even where nothing has happened since.")
    var again = false
    @Flag(help: "Take the new transitions although a gate fails; needs --reason.")
    var force = false
    @Option(help: "Why it is forced; kept with the build.")
    var reason: String?
    @Flag(help: "Only say what would be done, reading in READ ONLY transactions.")
    var dryRun = false

    func validate() throws {
        guard !force || reason?.isEmpty == false else { throw ValidationError("--force needs --reason") }
        guard !churn || !evaluate else { throw ValidationError("--churn or --evaluate, not both") }
        guard cut == nil || evaluate else { throw ValidationError("--cut goes with --evaluate") }
        try requireCount(count)
    }

    func run() throws {
        try execute(
            "transitions", common,
            source.settings.merging(snapshots.settings) { $1 }.merging(clusters.settings) { $1 }
                .merging(limits.settings) { $1 }
        ) { context in
            if churn { return try TransitionReport(count: count).run(context) }
            if evaluate { return try EvaluateTransitions(asOf: asOf, cut: cut).run(context) }
            return try RefreshTransitions(
                asOf: asOf, again: again, isForced: force, reason: reason, dryRun: dryRun
            ).run(context)
        }
    }
}
