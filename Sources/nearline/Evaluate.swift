import ArgumentParser
import Pipeline

extension EvaluateLists.ServeAt: ExpressibleByArgument {}
extension EvaluateLists.Truth: ExpressibleByArgument {}

struct Evaluate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Compares lists, and those of simple methods, with what each user did next.",
        discussion: """
            The full catalogue is ranked, by the model source alone and by popularity, own frequency, item-item, EASE and
            TIFU-KNN. The truth is the first session that each user began after the instant; the model must not have seen
            later events.

            Example: nearline train --as-of 2026-01-01 && nearline evaluate --as-of 2026-01-01 --export lists.csv
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var source: SourceOptions
    @Option(help: "Histories go up to this instant; sessions after it are the truth.")
    var asOf: String
    @Flag(help: "The truth is each user's last event up to the instant instead, as in papers.")
    var leaveOneOut = false
    @Option(help: "Which of its items: all engaged with, those put in a cart or bought, or those bought.")
    var truth = EvaluateLists.Truth.engaged
    @Option(
        help: "Lists are computed for this instant: as-of (what a nightly job knows) or next-session (a request's).")
    var serveAt = EvaluateLists.ServeAt.asOf
    @Option(help: "Model artifact (default: the newest that has seen nothing later).")
    var model: String?
    @Flag(help: "Only the simple methods, where there is no model yet.")
    var withoutModel = false
    @Option(help: ArgumentHelp("Lengths at which lists are cut off.", valueName: "k,k,..."))
    var k = "10,20,100"
    @Option(help: "Candidates per user (default: 100).")
    var candidates: String?
    @Option(help: "Users judged; of more, a sample.")
    var users = 10_000
    @Option(help: "Draws of users that 95 % intervals come from; 0 for none.")
    var resamples = 1000
    @Option(help: "Items that EASE takes at most, the most popular ones; memory grows with the square. 0 for no EASE.")
    var easeItems = 15_000
    @Option(help: "Also write the lists as CSV: user_id,rank,item_id.")
    var export: String?
    @Option(help: "Whose lists are written, as the table calls it (default: the model's).")
    var exportOf: String?

    private var cutoffs: [Int] { k.split(separator: ",").compactMap { Int($0) } }

    func validate() throws {
        guard !k.isEmpty, cutoffs.count == k.split(separator: ",", omittingEmptySubsequences: false).count,
            cutoffs.allSatisfy({ (1...10_000).contains($0) })
        else { throw ValidationError("--k takes whole numbers from 1 to 10000, such as 10,20,100; got '\(k)'.") }
        guard users > 0 else { throw ValidationError("--users must be positive, got \(users).") }
        guard (0...100_000).contains(resamples) else {
            throw ValidationError("--resamples must be from 0 to 100000, got \(resamples).")
        }
        guard (0...40_000).contains(easeItems) else {
            throw ValidationError("--ease-items must be from 0 to 40000, got \(easeItems).")
        }
        guard !(withoutModel && model != nil) else {
            throw ValidationError("--model and --without-model exclude each other.")
        }
    }

    func run() throws {
        try execute("evaluate", common, source.settings.merging(["candidates": candidates]) { $1 }) {
            var job = EvaluateLists(asOf: asOf)
            job.leavesOneOut = leaveOneOut
            job.serveAt = serveAt
            job.truth = truth
            job.modelFile = model
            job.withoutModel = withoutModel
            job.cutoffs = cutoffs
            job.mostUsers = users
            job.resamples = resamples
            job.easeItems = easeItems
            job.export = export
            job.exported = exportOf
            return try job.run($0)
        }
    }
}
