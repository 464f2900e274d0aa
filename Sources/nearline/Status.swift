import ArgumentParser
import Pipeline

struct Status: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Says whether what is served is fresh and sound; its exit code is for monitoring.",
        discussion: """
            Changes nothing. Exit codes: 0 well; 66 nothing is published; 65 what is served is not what it should be (its
            lists are gone, the snapshot link is behind); 75 its events are older than --max-age; 69 the database cannot be
            reached; 76 another schema version. The first line says why; nearline.status has the same facts for SQL.

            Example: nearline status --max-age 26h || page-somebody
            """)

    @Option(help: "Age of the newest events of what is served, at most: 45s, 90m, 26h, 2d.")
    var maxAge = "26h"
    @OptionGroup var common: CommonOptions
    @OptionGroup var snapshots: SnapshotOptions

    func validate() throws {
        guard Age(maxAge) != nil else {
            throw ValidationError("--max-age is a number and s, m, h or d, got '\(maxAge)'")
        }
    }

    func run() throws {
        try execute("status", common, snapshots.settings) { context in
            var job = ShowStatus(maxAge: Age(maxAge)!)
            let answer = try job.run(context)
            guard job.code != .done else { return answer }
            try StandardStreams.answer(common.json ? answer.json : answer.text)
            throw ArgumentParser.ExitCode(job.code.rawValue)
        }
    }
}
