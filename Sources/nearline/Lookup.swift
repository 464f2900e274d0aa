import ArgumentParser
import Pipeline

struct Lookup: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows a user's current list, or which clusters come next.",
        discussion: """
            Example: nearline lookup 17850 --history
            Example: nearline lookup 17850 --snapshot /srv/snapshots
            Example: nearline lookup --clusters 'Shoes,Socks'
            Example: nearline lookup --after-items 22423,85099B
            """)

    @Argument(help: "The user's key.")
    var user: String?
    @Flag(help: "Some user who has a list, or the largest clusters: for a first look.")
    var any = false
    @Option(help: "Clusters, latest last, with commas between: what comes next?")
    var clusters: String?
    @Option(help: "Items that somebody has just looked at, latest last, with commas between: what to show next?")
    var afterItems: String?
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
        guard user != nil || clusters != nil || afterItems != nil || any else {
            throw ValidationError("name a user, or --clusters A,B, or --after-items A,B, or --any for a first look")
        }
        guard
            snapshot == nil
                || (user != nil && release == nil && !history && clusters == nil && !transitions && afterItems == nil)
        else {
            throw ValidationError(
                "--snapshot goes with a user and --count alone: a file holds the lists of one release")
        }
        let isAboutTransitions = clusters != nil || afterItems != nil || transitions
        guard !isAboutTransitions || (user == nil && release == nil && !history) else {
            throw ValidationError(
                "--clusters, --after-items and --transitions are about the current release, not about a user")
        }
        guard clusters == nil || afterItems == nil else {
            throw ValidationError("--clusters or --after-items, not both")
        }
        guard !any || user == nil else { throw ValidationError("name a user, or --any, not both") }
        try requireCount(count)
    }

    func run() throws {
        try execute("lookup", common, source.settings) { context in
            if let snapshot, let user {
                return try LookUpSnapshot(user: user, count: count, path: snapshot).run(context)
            }
            if let afterItems { return try LookUpItems(items: afterItems, count: count).run(context) }
            if transitions || clusters != nil {
                return try LookUpClusters(names: clusters, count: count).run(context)
            }
            return try LookUpUser(user: user, release: release, count: count, showsHistory: history).run(context)
        }
    }
}
