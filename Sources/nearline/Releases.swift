import ArgumentParser
import Pipeline

struct Releases: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Lists the releases: state, age of their events, users, size, gates, model.",
        discussion: "Example: nearline releases diff 6 7",
        subcommands: [ListCommand.self, Diff.self, Pin.self, Unpin.self], defaultSubcommand: ListCommand.self)

    struct ListCommand: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "Lists the releases, newest first.",
            discussion: "Example: nearline releases --all")

        @Flag(help: "Also those that failed or were pruned: of them only the row is left.")
        var all = false
        @OptionGroup var common: CommonOptions

        func run() throws { try execute("releases", common) { try ListReleases(all: all).run($0) } }
    }

    struct Diff: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows what changed from one release to another: lists, exposure of items, transitions.",
            discussion: "Reads all lists of both.\n\nExample: nearline releases diff 6 7 --count 20")

        @Argument(help: "Number of the release before.")
        var before: Int
        @Argument(help: "Number of the release after.")
        var after: Int
        @Option(help: "Items shown that gained, and that lost.")
        var count = 5
        @OptionGroup var common: CommonOptions
        @OptionGroup var source: SourceOptions

        func validate() throws {
            guard count >= 0 else { throw ValidationError("--count must not be negative, got \(count)") }
        }

        func run() throws {
            try execute("releases", common, source.settings) {
                try CompareReleases(before: before, after: after, named: count).run($0)
            }
        }
    }

    struct Pin: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Keeps prune away from a release.",
            discussion: "Example: nearline releases pin 7 --reason 'the audit of March'")

        @Argument(help: "Number of the release.")
        var release: Int
        @Option(help: "Why; shown by nearline releases.")
        var reason: String
        @OptionGroup var common: CommonOptions

        func validate() throws {
            guard !reason.isEmpty else { throw ValidationError("--reason must say why") }
        }

        func run() throws {
            try execute("releases", common) { try PinRelease(release: release, reason: reason).run($0) }
        }
    }

    struct Unpin: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lets prune have a release again.", discussion: "Example: nearline releases unpin 7")

        @Argument(help: "Number of the release.")
        var release: Int
        @OptionGroup var common: CommonOptions

        func run() throws { try execute("releases", common) { try PinRelease(release: release, reason: nil).run($0) } }
    }
}
