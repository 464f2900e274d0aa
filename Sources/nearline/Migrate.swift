import ArgumentParser
import Pipeline

struct Migrate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Brings the schema `nearline` to this version; refuses one that is newer.",
        discussion: "All missing migrations are applied in one transaction.\n\nExample: nearline migrate --dry-run")

    @OptionGroup var common: CommonOptions
    @Flag(help: "Only say what would be applied.")
    var dryRun = false

    func run() throws {
        try execute("migrate", common) { try MigrateSchema(dryRun: dryRun).run($0) }
    }
}
