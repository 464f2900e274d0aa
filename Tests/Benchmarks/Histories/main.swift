import Dispatch
import Domain
import Foundation
import Histories
import Postgres

// Reads histories out of PostgreSQL beside psql's own binary COPY of the same query to the null device: PG* variables say which
// database may hold the table `figures_history`.
//
//     history-figures [USERS] [EVENTS OF EACH]

let arguments = CommandLine.arguments.dropFirst().compactMap { Int($0) }
try StreamFigures(users: arguments.first ?? 50_000, eventsOfEach: arguments.dropFirst().first ?? 100).report()
