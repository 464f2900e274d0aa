import Domain
import Foundation
import Histories
import Postgres
import Transitions

// Counts ten million events in every way that there is and compares the times: PG* variables say which database may hold
// the table `figures_events`, NEARLINE_DUCKDB_PYTHON which Python has DuckDB, NEARLINE_TEMP where files may be.
//
//     transition-figures [EVENTS]
//     transition-figures --evaluate EVENTS.csv.gz [CLUSTERS.csv]

let arguments = CommandLine.arguments.dropFirst()
let environment = ProcessInfo.processInfo.environment
let folder = environment["NEARLINE_TEMP"] ?? NSTemporaryDirectory()
if arguments.first == "--evaluate" {
    try HeldOutSet(events: arguments.dropFirst().first ?? "", clusters: arguments.dropFirst(2).first).report()
} else {
    try SpeedFigures(events: arguments.first.flatMap { Int($0) } ?? 10_000_000, folder: folder).report()
}
