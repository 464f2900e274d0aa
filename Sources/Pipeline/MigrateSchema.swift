import Ledger
import ResultTables

/// `nearline migrate`: brings the schema `nearline` to this binary's version.
package struct MigrateSchema {
    package var dryRun: Bool

    package init(dryRun: Bool) { self.dryRun = dryRun }

    package func run(_ context: RunContext) throws -> Answer {
        let connection = try context.connect()
        let migrator = Migrator(connection)
        // A run of an older version would go on as if nothing had changed.
        if try !dryRun && !migrator.pending().isEmpty { try RunLedger.requireNone(on: connection) }
        let steps = try dryRun ? migrator.pending() : migrator.migrate()
        let names = steps.map { "\($0.number) \($0.name)" }
        let text =
            names.isEmpty
            ? "nothing to do: the schema is current"
            : (dryRun ? "would apply " : "applied ") + names.joined(separator: ", ")
        return Answer(text, ["migrations": names])
    }
}
