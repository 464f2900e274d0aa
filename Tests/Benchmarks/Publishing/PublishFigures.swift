import ArgumentParser

/// Measures loading, publishing and what readers notice of it. Works in a database of its own, on the cluster that the
/// PG* variables name, and drops it at the end.
@main struct PublishFigures: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "publish-figures", abstract: "Figures of loading and publishing releases.",
        discussion: """
            Needs a PostgreSQL of its own, with fsync, for instance:

                source jobs/lib/cluster.sh && cluster_start .nearline/figures-pg
                swift run -c release publish-figures load --users 1000000
                cluster_remove .nearline/figures-pg
            """,
        subcommands: [LoadFigures.self, ReaderFigures.self])
}
