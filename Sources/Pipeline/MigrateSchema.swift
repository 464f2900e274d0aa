import Ledger
import ResultTables

/// `nearline migrate`: brings the schema `nearline` to this binary's version.
package struct MigrateSchema {
    package var dryRun: Bool
    /// Also makes the three roles; where they are there already, their rights follow every migration.
    package var makesRoles: Bool

    package init(dryRun: Bool, makesRoles: Bool) {
        self.dryRun = dryRun
        self.makesRoles = makesRoles
    }

    package func run(_ context: RunContext) throws -> Answer {
        let connection = try context.connect()
        let migrator = Migrator(connection)
        // A run of an older version would go on as if nothing had changed.
        if try !dryRun && !migrator.pending().isEmpty { try RunLedger.requireNone(on: connection) }
        let steps = try dryRun ? migrator.pending() : migrator.migrate()
        let names = steps.map { "\($0.number) \($0.name)" }
        let roles =
            try dryRun ? nil : RoleGrants(connection).follow(makesRoles: makesRoles, hasMigrated: !steps.isEmpty)
        let text =
            names.isEmpty
            ? "nothing to do: the schema is current"
            : (dryRun ? "would apply " : "applied ") + names.joined(separator: ", ")
        return Answer([text, roles].compactMap { $0 }.joined(separator: "\n"), ["migrations": names])
    }
}
