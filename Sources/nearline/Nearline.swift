import ArgumentParser
import Domain
import Pipeline

@main
struct Nearline: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "nearline",
        abstract: "Precomputes recommendation candidates from events in PostgreSQL, and publishes them there.",
        discussion: """
            Answers go to standard output (--json for machines), logs to standard error. Settings come from flags, over
            NEARLINE_* environment variables, over a YAML file (--config, NEARLINE_CONFIG or ./nearline.yaml), over
            defaults; `nearline config` shows them all.

            Exit codes: 0 done or nothing to do; 64 usage; 65 data refused; 66 input missing; 69 database unreachable;
            70 internal; 74 files; 75 another run holds it; 76 schema version; 77 grants; 78 configuration; 130/143 signals.
            """,
        version: Product.version,
        subcommands: [
            Doctor.self, Migrate.self, Import.self, Train.self, Evaluate.self, Precompute.self, Backfill.self,
            Work.self, Refresh.self, Transitions.self, Interests.self, Publish.self, Rollback.self, Releases.self,
            Prune.self, Lookup.self, Explain.self,
            Clusters.self, Runs.self, Status.self, Forget.self, Config.self, Simulate.self,
        ])

    static func main() {
        StandardStreams.prepare()
        main(nil)
    }
}
