import ArgumentParser
import Pipeline

struct Clusters: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows the groups of items that transitions lead between, with their most popular items.",
        discussion: """
            Example: nearline clusters --count 50
            Example: nearline clusters 'Shoes' --items-shown 30
            """)

    @Argument(help: "One cluster by name (default: all, largest first).")
    var name: String?
    @Option(help: "Clusters shown.")
    var count = 20
    @Option(help: "Items shown of each.")
    var itemsShown = 3
    @OptionGroup var common: CommonOptions
    @OptionGroup var source: SourceOptions

    func validate() throws {
        try requireCount(count)
        guard itemsShown >= 0 else { throw ValidationError("--items-shown must not be negative, got \(itemsShown)") }
    }

    func run() throws {
        try execute("clusters", common, source.settings) {
            try ShowClusters(name: name, count: count, itemsShown: itemsShown).run($0)
        }
    }
}
