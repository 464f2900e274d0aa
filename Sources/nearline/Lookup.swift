import ArgumentParser
import Pipeline

struct Lookup: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows a user's current list, or which clusters come next.",
        discussion: """
            Example: nearline lookup 17850 --history
            Example: nearline lookup 17850 --snapshot /srv/snapshots
            Example: nearline lookup --clusters 'Shoes,Socks'
            """)

    @Argument(help: "The user's key.")
    var user: String?
    @Flag(help: "Some user who has a list, or the largest clusters: for a first look.")
    var any = false
    @Option(help: "One or two clusters, older first, with a comma between: what comes next?")
    var clusters: String?
    @Flag(help: "With --any: look up clusters.")
    var transitions = false
    @Option(help: "Read this snapshot file, or the served one of this folder, and no database.")
    var snapshot: String?
    @Option(help: "Number of the release to look in (default: the current one).")
    var release: Int?
    @Flag(help: "Also show what the user did last.")
    var history = false
    @Option(help: "Places shown.")
    var count = 10
    @OptionGroup var common: CommonOptions
    @OptionGroup var source: SourceOptions

    func validate() throws {
        guard user != nil || clusters != nil || any else {
            throw ValidationError("name a user, or --clusters A,B, or --any for a first look")
        }
        guard snapshot == nil || (user != nil && release == nil && !history && clusters == nil && !transitions) else {
            throw ValidationError(
                "--snapshot goes with a user and --count alone: a file holds the lists of one release")
        }
        guard (clusters == nil && !transitions) || (user == nil && release == nil && !history) else {
            throw ValidationError("--clusters and --transitions are about the current release, not about a user")
        }
        guard !any || user == nil else { throw ValidationError("name a user, or --any, not both") }
        guard count > 0 else { throw ValidationError("--count must be positive, got \(count)") }
    }

    func run() throws {
        try execute("lookup", common, source.settings) { context in
            if let snapshot, let user {
                return try LookUpSnapshot(user: user, count: count, path: snapshot).run(context)
            }
            if transitions || clusters != nil {
                return try LookUpClusters(names: clusters, count: count).run(context)
            }
            return try LookUpUser(user: user, release: release, count: count, showsHistory: history).run(context)
        }
    }
}
