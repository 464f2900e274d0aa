import ArgumentParser
import Pipeline

struct Migrate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Brings the schema `nearline` to this version; refuses one that is newer.",
        discussion: """
            All missing migrations are applied in one transaction. Roles belong to the cluster: --roles takes CREATEROLE, or
            an administrator who has made them before; docs/operations.md says who may do what.

            Example: nearline migrate --dry-run
            Example: nearline migrate --roles && psql -c 'CREATE ROLE night LOGIN IN ROLE nearline_worker'
            """)

    @OptionGroup var common: CommonOptions
    @Flag(help: "Only say what would be applied.")
    var dryRun = false
    @Flag(help: "Also make nearline_reader, nearline_worker and nearline_admin, and give them their rights.")
    var roles = false

    func validate() throws {
        guard !roles || !dryRun else { throw ValidationError("--roles or --dry-run, not both") }
    }

    func run() throws {
        try execute("migrate", common) { try MigrateSchema(dryRun: dryRun, makesRoles: roles).run($0) }
    }
}
