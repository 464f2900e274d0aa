import ArgumentParser
import Pipeline

struct Runs: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Lists what ran, when, how long, and how it ended; or shows one run in detail.",
        discussion: """
            Of a run at work the list says its stage, how far it is, its rate and the time left.

            Example: nearline runs --count 5
            Example: nearline runs 42
            """)

    @Argument(help: "Number of one run: its stages, counts, refused rows, settings and error.")
    var number: Int?
    @Option(help: "Newest runs shown.")
    var count = 20
    @OptionGroup var common: CommonOptions

    func validate() throws {
        try requireCount(count)
    }

    func run() throws {
        try execute("runs", common) { context in
            if let number { return try ShowRun(run: number).run(context) }
            return try ListRuns(count: count).run(context)
        }
    }
}
