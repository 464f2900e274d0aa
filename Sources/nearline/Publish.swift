import ArgumentParser
import Pipeline

struct Publish: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Makes a built release the current one: one row moves, and no reader waits.",
        discussion: "Example: nearline precompute --no-publish && nearline publish")

    @Argument(help: "Number of the release (default: the newest that waits).")
    var release: Int?
    @OptionGroup var common: CommonOptions
    @Flag(help: "Only say what would become current.")
    var dryRun = false

    func run() throws {
        try execute("publish", common) { try PublishRelease(release: release, dryRun: dryRun).run($0) }
    }
}
