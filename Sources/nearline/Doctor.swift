import ArgumentParser
import Pipeline

struct Doctor: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Checks that database, schema, source, model and release are as the other commands need them.",
        discussion:
            "Changes nothing. The exit code is that of the first check that fails.\n\nExample: nearline doctor --json")

    @OptionGroup var common: CommonOptions
    @OptionGroup var source: SourceOptions

    func run() throws {
        try execute("doctor", common, source.settings) { context in
            var job = CheckHealth()
            let answer = try job.run(context)
            guard let failure = job.failure else { return answer }
            try StandardStreams.answer(common.json ? answer.json : answer.text)
            throw ArgumentParser.ExitCode(Pipeline.ExitCode(for: failure).rawValue)
        }
    }
}
