import ArgumentParser
import Pipeline

struct Refresh: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Makes the lists of users with new events anew, without waiting for the night.",
        discussion: """
            Triggers on the events, and on the exclusions, say whose lists are old (--install, once, as the owner of these
            tables). Model and settings are those of the release that is served; its lookups read the new lists first. Runs
            until nobody waits, for cron; with --every it goes on, begins at once where it was idle, and else once in that
            time. A killed run loses nothing.

            Example: nearline refresh --install && nearline refresh --every 60s
            """)

    @OptionGroup var common: CommonOptions
    @Option(help: "Events relation: user_id, item_id, occurred_at, action [session_id, scene] (default: shop.events).")
    var events: String?
    @Option(help: "Items relation: item_id [category, seller, available, title] (default: shop.items where it exists).")
    var items: String?
    @Option(help: "Exclusions relation: item_id [user_id, reason] (default: shop.exclusions where it exists).")
    var exclusions: String?
    @Option(help: "Folder of model artifacts, where the model's own path is not there (default: .nearline/models).")
    var models: String?
    @Option(help: "Users with a list made since the release, at most; more wait for the next one (default: 1000000).")
    var overlayUsers: String?
    @Option(help: "Go on until stopped, with this time between two rounds while there is work: 2s, 1m, 1h.")
    var every: String?
    @Flag(help: "Put triggers on the tables of events and exclusions.")
    var install = false
    @Option(help: ArgumentHelp("With --install: a table behind a view (repeatable).", valueName: "schema.table:column"))
    var on: [String] = []
    @Flag(help: "Drop all of these triggers.")
    var uninstall = false

    func validate() throws {
        guard !(install && uninstall) else { throw ValidationError("--install or --uninstall, not both") }
        guard on.isEmpty || install else { throw ValidationError("--on goes with --install") }
        guard every == nil || !(install || uninstall) else {
            throw ValidationError("--every is for refreshing, not with --install or --uninstall")
        }
        guard every.map({ Age($0) != nil }) ?? true else {
            throw ValidationError("--every is a number and s, m, h or d, got '\(every!)'")
        }
    }

    func run() throws {
        let flags = [
            "events": events, "items": items, "exclusions": exclusions, "models": models, "overlay-users": overlayUsers,
        ]
        try execute("refresh", common, flags) { context in
            if install || uninstall { return try InstallRefresh(on: on, uninstalls: uninstall).run(context) }
            return try RefreshLists(every: every.flatMap { Age($0) }).run(context)
        }
    }
}
