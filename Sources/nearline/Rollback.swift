import ArgumentParser
import Pipeline

struct Rollback: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Goes back to the release that was served before: one transaction, and no reader waits.",
        discussion: """
            Lists, transitions, dictionary and overlay switch together. The release that is left is not chosen again, by
            rollback, publish or precompute, unless somebody forces it. Works while another release is being built.

            Example: nearline rollback --reason 'lists of outlet items'
            """)

    @Option(help: "Number of the release to go back to (default: the one that was served last and is good).")
    var to: Int?
    @Option(help: "Why; kept in nearline.release_event.")
    var reason: String?
    @OptionGroup var common: CommonOptions
    @OptionGroup var snapshots: SnapshotOptions
    @Flag(help: "Only say what would become current.")
    var dryRun = false

    func run() throws {
        try execute("rollback", common, snapshots.settings) {
            try RollBackRelease(target: to, reason: reason, dryRun: dryRun).run($0)
        }
    }
}
