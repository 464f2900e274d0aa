import ArgumentParser

/// How fast the model encodes, learns and finds the best items, each with its share of the rate at which this machine
/// multiplies large matrices. `jobs/bench.sh` sets the figures beside PyTorch's and FAISS's.
@main
struct ModelFigures: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "model-figures", subcommands: [EncodeFigures.self, TrainFigures.self, TopKFigures.self])
}

/// The shape of the model and of what it is given.
struct Shape: ParsableArguments {
    @Option(help: "Tokens of a history, sessions' and items' together (as `nearline train --tokens` counts).")
    var tokens = 256
    @Option(help: "Width of a token.") var width = 64
    @Option(help: "Attention heads.") var heads = 2
    @Option(help: "HSTU blocks.") var blocks = 2
    @Option(help: "Tokens of a session: its own and its items'.") var session = 8
    @Option(help: "Items that there are.") var items = 100_000
    @Option(help: "Threads.") var threads = 2
    @Option(help: "Runs, of which the middle one counts.") var runs = 7
}
