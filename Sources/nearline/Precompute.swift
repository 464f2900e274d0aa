import ArgumentParser
import Pipeline

struct Precompute: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Makes every user's candidate list, and the popular transitions, and publishes them as one release.",
        discussion: """
            Readers see the old release until the new one is whole. A killed run leaves nothing that the next one does not
            clear; the same model, events and instants twice is a no-op.

            With --date a release is for a day: of the events before its midnight (UTC), and made once, whatever has come into
            the events since. For what is served only the newest day counts; nearline backfill makes past ones.

            Example: nearline precompute --as-of 2026-01-31T00:00:00Z --serve-at 2026-01-31T08:00:00Z
            Example: nearline precompute --date today --catch-up
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var source: SourceOptions
    @OptionGroup var snapshots: SnapshotOptions
    @OptionGroup var clusters: ClusterOptions
    @OptionGroup var limits: LimitOptions
    @Option(help: "Events up to this instant: a timestamp, now, or latest, the newest event (default: now).")
    var asOf: String?
    @Option(
        help: ArgumentHelp(
            "The day that it is for, as 2026-01-31 or today: events up to its midnight, in UTC.", valueName: "day"))
    var date: String?
    @Flag(help: "With --date: say which days since the last good one were missed.")
    var catchUp = false
    @Option(help: "The instant that lists are computed for (default: the as-of instant).")
    var serveAt: String?
    @Option(help: "Model artifact (default: the newest that has seen nothing after the as-of instant).")
    var model: String?
    @OptionGroup var lists: ListOptions
    @Flag(help: "Leave the release built; nearline publish makes it current.")
    var noPublish = false
    @Flag(
        help: """
            Write the tables of this release without the server's write-ahead log: faster, but a crash of the server \
            empties them, and replicas never have them.
            """)
    var unlogged = false
    @Option(help: "Processes that make lists; more may join with nearline work, from here or from other hosts.")
    var workers = 1
    @Flag(help: "Fail where there is no unfinished release to go on with (without it, a new one is begun then).")
    var resume = false
    @Flag(help: "Drop what an unfinished run has left, rather than going on with it.")
    var fromScratch = false
    @Flag(help: "Make a release even where the current one is made from the same.")
    var again = false
    @Flag(help: "Only say what would be made, reading in a READ ONLY transaction.")
    var dryRun = false

    func validate() throws {
        guard (1...256).contains(workers) else {
            throw ValidationError("--workers must be between 1 and 256, got \(workers)")
        }
        guard date == nil || asOf == nil else { throw ValidationError("--date or --as-of, not both") }
        guard date != nil || !catchUp else { throw ValidationError("--catch-up goes with --date") }
        guard !(resume && fromScratch) else { throw ValidationError("--resume or --from-scratch, not both") }
    }

    func run() throws {
        try execute(
            "precompute", common,
            source.settings.merging(snapshots.settings) { $1 }.merging(clusters.settings) { $1 }
                .merging(limits.settings) { $1 }.merging(lists.settings) { $1 }
        ) {
            try PrecomputeCandidates(
                asOf: asOf ?? "now", serveAt: serveAt, modelFile: model, publishes: !noPublish, again: again,
                unlogged: unlogged, dryRun: dryRun, workers: workers, mustResume: resume,
                fromScratch: fromScratch, date: date, catchesUp: catchUp
            ).run($0)
        }
    }
}
