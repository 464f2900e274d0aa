import ArgumentParser
import Pipeline

struct Prune: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Removes old releases, and what killed runs left behind; readers never wait for it.",
        discussion: """
            Never removes the current release, a pinned one, the one that a rollback would go to, or one that waits to be
            published. Releases of past days, which nearline backfill makes, stay too, unless --history is given. Tables that an older transaction may still read are left to the next prune.

            Example: nearline prune --keep 3 --min-age '2 days' --models-older-than '30 days'
            """)

    @Option(help: "Releases that were served and are good, the current one with them, that stay.")
    var keep = 3
    @Option(help: "What was left more recently stays: an interval as PostgreSQL reads it.")
    var minAge = "0"
    @Flag(help: "Also remove the releases of past days, as old as --min-age, whether whole or half built.")
    var history = false
    @Option(
        help: ArgumentHelp(
            "Also remove files of models as old as this that are neither the newest nor any release's: an interval.",
            valueName: "interval"))
    var modelsOlderThan: String?
    @OptionGroup var common: CommonOptions
    @OptionGroup var snapshots: SnapshotOptions
    @Flag(help: "Only say what would go.")
    var dryRun = false

    func validate() throws {
        guard keep >= 1 else { throw ValidationError("--keep must be at least 1, got \(keep)") }
    }

    func run() throws {
        try execute("prune", common, snapshots.settings) {
            try PruneReleases(
                keep: keep, minAge: minAge, history: history, modelsOlderThan: modelsOlderThan, dryRun: dryRun
            ).run($0)
        }
    }
}
