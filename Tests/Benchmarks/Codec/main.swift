import Domain
import Foundation
import ResultCodec

// codec-figures [DATABASE ...]: what the codecs make of the lists of the current release of each database (PG*
// variables say where), or without any of the drawn sets Z, K and D.
let databases = CommandLine.arguments.dropFirst()
if databases.isEmpty {
    var sets = DrawnSets(seed: 1)
    try SetFigures("Z", sets.independent(20_000)).print()
    try SetFigures("K", sets.clustered(20_000)).print()
    try SetFigures("D", sets.defaults(20_000)).print()
}
do {
    for database in databases {
        let stored = try StoredLists(database: database)
        try SetFigures(database, stored.read(), stored).print()
    }
} catch {
    FileHandle.standardError.write(Data("codec-figures: \(error)\n".utf8))
    exit(1)
}
