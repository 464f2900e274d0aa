import ArgumentParser
import Pipeline

extension EvaluateLists.ServeAt: ExpressibleByArgument {}

struct Evaluate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Compares lists as of an instant with the first session that each user began after it.",
        discussion: """
            The full catalogue is ranked, by the model source alone. The model must not have seen later events.

            Example: nearline train --as-of 2026-01-01 && nearline evaluate --as-of 2026-01-01 --export lists.csv
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var source: SourceOptions
    @Option(help: "Histories go up to this instant; sessions after it are the truth.")
    var asOf: String
    @Option(
        help: "Lists are computed for this instant: as-of (what a nightly job knows) or next-session (a request's).")
    var serveAt = EvaluateLists.ServeAt.asOf
    @Option(help: "Model artifact (default: the newest that has seen nothing later).")
    var model: String?
    @Option(help: "Candidates per user (default: 100).")
    var candidates: String?
    @Option(help: "Also write the lists as CSV: user_id,rank,item_id.")
    var export: String?

    func run() throws {
        try execute("evaluate", common, source.settings.merging(["candidates": candidates]) { $1 }) {
            try EvaluateLists(asOf: asOf, serveAt: serveAt, modelFile: model, export: export).run($0)
        }
    }
}
