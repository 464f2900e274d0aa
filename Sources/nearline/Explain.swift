import ArgumentParser
import Pipeline

struct Explain: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows why a user's current list is as it is, or why an item is not in it.",
        discussion: """
            What each source adds to an item's score, and the sessions that weigh most in the model's view of the user: how far
            its vector turns when one is left out. Of an item that is not listed: its rank before rules, and the rule that
            dropped it. Made from the events that the list was made from, as they are now.

            Example: nearline explain 17850
            Example: nearline explain 17850 85123A
            """)

    @Argument(help: "The user's key.")
    var user: String
    @Argument(help: "An item's key: only this one is explained.")
    var item: String?
    @Option(help: "Places and sessions shown.")
    var count = 10
    @OptionGroup var common: CommonOptions
    @OptionGroup var source: SourceOptions

    func validate() throws {
        guard !user.isEmpty, item != "" else { throw ValidationError("name a user, and an item or none") }
        try requireCount(count)
    }

    func run() throws {
        try execute("explain", common, source.settings) {
            try ExplainUser(user: user, item: item, count: count).run($0)
        }
    }
}
