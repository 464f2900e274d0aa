import ArgumentParser
import Pipeline

struct Publish: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Makes a built release the current one: one row moves, and no reader waits.",
        discussion: """
            Gates are checked first (nearline.release_gate keeps what they found). A release that fails one is not published,
            exit code 65, unless forced with a reason, which is recorded.

            Example: nearline precompute --no-publish && nearline publish
            """)

    @Argument(help: "Number of the release (default: the newest that waits).")
    var release: Int?
    @Flag(help: "Publish although gates fail, or a release that was left or rolled back; needs --reason.")
    var force = false
    @Option(help: "Why; kept in nearline.release_event.")
    var reason: String?
    @OptionGroup var common: CommonOptions
    @OptionGroup var source: SourceOptions
    @OptionGroup var snapshots: SnapshotOptions
    @Flag(help: "Only say what would become current.")
    var dryRun = false

    func validate() throws {
        guard !force || reason?.isEmpty == false else { throw ValidationError("--force needs --reason '...'") }
    }

    func run() throws {
        try execute("publish", common, source.settings.merging(snapshots.settings) { $1 }) {
            try PublishRelease(release: release, isForced: force, reason: reason, dryRun: dryRun).run($0)
        }
    }
}
