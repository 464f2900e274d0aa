import ArgumentParser
import Pipeline

struct Work: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "Helps a run of precompute, or a backfill of days, that another process has begun, here or on another host.",
        discussion: """
            Claims shards of users for a minute at a time, makes their lists and stores them, until none is left. Settings
            and model are those of the run; only the connection, the threads and the folder of models are this host's. It
            keeps to a backfill's --pause-if, and goes on with its next day; of a --max-rate it is told its own part.

            Example: nearline work --run 17
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var limits: LimitOptions
    @Option(name: .customLong("run"), help: "The run, as nearline runs shows it.")
    var joined: Int
    @Option(help: "Folder of model artifacts, where the run's own path is not there (default: .nearline/models).")
    var models: String?
    @Option(help: ArgumentHelp("Users a second that this process may make at most.", valueName: "users"))
    var maxRate: Double?

    func validate() throws {
        guard maxRate.map({ $0 > 0 && $0.isFinite }) ?? true else {
            throw ValidationError("--max-rate must be more than 0, got \(maxRate!)")
        }
    }

    func run() throws {
        try execute("work", common, limits.settings.merging(["models": models]) { $1 }) {
            try WorkOnRun(run: joined, usersPerSecond: maxRate).run($0)
        }
    }
}
