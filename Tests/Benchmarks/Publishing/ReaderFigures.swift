import ArgumentParser
import Foundation
import Snapshots
import TestSupport

struct ReaderFigures: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "readers",
        abstract: "Reads at full speed in every way while releases are published, rolled back and pruned.",
        discussion: "Exits with 1 where a lookup failed, or a list was empty, mixed, or of a release not current.")

    @Option(help: "Publications for each way of reading.") var publishes = 200
    @Option(help: "Rollbacks for each way of reading.") var rollbacks = 50
    @Option(help: "Users of each release.") var users = 2000
    @Option(help: "How often the phases take turns: what else the machine does then falls on all of them.") var rounds =
        4
    @ArgumentParser.Flag(help: "All ways at once, which asks for more cores than most machines have.") var together =
        false
    @Option(help: "How long a transaction stays open beside, in seconds on average.") var longTransaction = 2.0
    @Option(help: "Where the snapshot files go while this runs; a folder of its own in the temporary one by default.")
    var folder: String?

    func validate() throws {
        guard rounds > 0, publishes >= rounds, users > 0, 0...publishes ~= rollbacks else {
            throw ValidationError("--publishes is --rounds or more, --rollbacks at most --publishes, --users positive")
        }
    }

    func run() throws {
        let path = folder ?? NSTemporaryDirectory() + "/publish-figures-\(getpid())"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: path) }
        let database = try EmptyDatabase.forFigures()
        try ServerSettings(database.connection).report()
        var soak = Soak(database: database, folder: SnapshotFolder(path), users: users)
        let report = try soak.run(
            Soak.Plan(
                publishes: publishes, rollbacks: rollbacks, rounds: rounds,
                turns: together ? [ReaderKind.allCases] : ReaderKind.turns, longTransaction: longTransaction))
        report.show()
        guard report.faults == 0 else {
            print("\(report.faults) faults")
            throw ExitCode(1)
        }
        print("0 errors, 0 mixed, empty or stale lists")
    }
}
