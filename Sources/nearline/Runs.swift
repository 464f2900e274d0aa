import ArgumentParser
import Pipeline

struct Runs: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Lists what ran, when, how long, and how it ended.", discussion: "Example: nearline runs --count 5")

    @Option(help: "Newest runs shown.")
    var count = 20
    @OptionGroup var common: CommonOptions

    func validate() throws {
        try requireCount(count)
    }

    func run() throws {
        try execute("runs", common) { try ListRuns(count: count).run($0) }
    }
}
