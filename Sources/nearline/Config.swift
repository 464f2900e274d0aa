import ArgumentParser
import Pipeline

struct Config: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows every setting, its effective value, and where that came from.",
        discussion: "Example: NEARLINE_WIDTH=128 nearline config")

    @OptionGroup var common: CommonOptions
    @OptionGroup var source: SourceOptions

    func run() throws {
        try execute("config", common, source.settings) { ShowSettings().run($0) }
    }
}
