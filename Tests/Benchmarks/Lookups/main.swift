import Foundation

// Figures of lookups, as ratios: PostgreSQL's statement of NearlineClient against a plain table, snapshot files against
// LMDB. Uses the PG* variables; makes a database of its own and drops it. Arguments: users (500000), rounds (9), "pin"
// to keep client and server process on one core, which leaves out the cost of waking the other.
do {
    let figures = try LookupFigures(CommandLine.arguments.dropFirst())
    try figures.run()
} catch {
    FileHandle.standardError.write(Data("lookup-figures: \(error)\n".utf8))
    exit(1)
}
