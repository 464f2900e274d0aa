import ArgumentParser
import Importing
import Pipeline

struct Import: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Loads events, and items, from CSV or TSV files (gzip too) into tables that the other commands read.",
        discussion: """
            One transaction: all or nothing. The same files into the same schema twice is a no-op. Columns are found by
            their usual names, or named with --column; the key types (bigint, uuid, text) are found from the file.

            Example: nearline import orders.csv.gz products.csv --column user_id=customer --column occurred_at=order_date
            """)

    @Argument(help: "Events: user, item, time [action, session, scene, category]; '-' is standard input.")
    var events: String
    @Argument(help: "Items: item [title, category, seller, available].")
    var items: String?
    @Option(help: "Schema of the tables events, items and exclusions; created where it is missing.")
    var into = "shop"
    @Option(
        help: ArgumentHelp("A column of the events file, as ours=theirs; may be repeated.", valueName: "ours=theirs"))
    var column: [String] = []
    @Option(
        help: ArgumentHelp("A column of the items file, as ours=theirs; may be repeated.", valueName: "ours=theirs"))
    var itemColumn: [String] = []
    @Option(help: "Refused rows above which the import fails (default: 1000).")
    var maxBadRows: String?
    @Flag(help: "Import files that were imported before once more.")
    var again = false
    @Flag(help: "Read and check everything, write nothing.")
    var dryRun = false
    @OptionGroup var common: CommonOptions

    func run() throws {
        try execute("import", common, ["max-bad-rows": maxBadRows]) { context in
            try ImportFiles(
                events: events, items: items, schema: into, eventColumns: ColumnMap(parsing: column),
                itemColumns: ColumnMap(parsing: itemColumn, option: "--item-column"), again: again, dryRun: dryRun
            ).run(context)
        }
    }
}
