import ArgumentParser
import Domain
import Postgres
import ResultCodec
import ResultTables
import TestSupport

struct LoadFigures: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "load", abstract: "Loads a release and, turn about, the same bytes bare; then moves the pointer.")

    @Option(help: "Users, each with a list.") var users = 1_000_000
    @Option(help: "Candidates in a list.") var length = 100
    @Option(help: "Items of the dictionary.") var items = 1_000_000
    @Option(help: "Different lists drawn; they serve all users in turn.") var drawn = 20_000
    @Option(help: "How often both are loaded.") var rounds = 3
    @Option(help: "How often the pointer moves.") var flips = 200

    func validate() throws {
        guard users > 0, length > 0, drawn > 0, rounds > 0, items >= 2 * length else {
            throw ValidationError(
                "--users, --length, --drawn and --rounds are positive, --items twice --length or more")
        }
    }

    func run() throws {
        let database = try EmptyDatabase.forFigures(), connection = database.connection
        try ServerSettings(connection).report()
        let lists = DrawnLists(count: drawn, length: length, itemCount: items, seed: 1)
        let vocabulary = Vocabulary(keys: (0..<Int64(items)).map { $0 * 7 })
        let (payloads, encoding) = try encode(lists)
        print("encoding alone: \((encoding * 1e6).text(2)) us of processor a list")
        let bare = BareCopy(connection: connection, users: users, payloads: payloads, items: items)
        let load = ReleaseLoad(users: users, drawn: lists, vocabulary: vocabulary)
        var figures = LoadRounds(users: users, bytesPerUser: averageRow(payloads))
        let bareBytes = (0..<users).reduce(0) { $0 + payloads[$1 % payloads.count].count }
        var kept: [Int] = [], releaseBytes = 0
        for round in 0..<rounds {
            // Turn about, so that neither always comes second.
            for isBare in round % 2 == 0 ? [true, false] : [false, true] {
                try connection.execute("CHECKPOINT", doing: "settling down")
                if isBare {
                    figures.add(bare: try bare.run())
                    try bare.drop()
                } else {
                    let built = try load.run(on: connection)
                    figures.add(release: built.times)
                    releaseBytes = built.payloadBytes
                    kept.append(built.release)
                    if kept.count > 2 { try drop(kept.removeFirst(), on: connection) }
                }
            }
            figures.reportRound()
        }
        figures.report()
        print(
            "both send over one connection; bytes of payloads: bare \(bareBytes) in one COPY,",
            "release \(releaseBytes) in one for each \(ReleaseLoad.usersPerShard) users")
        if kept.count < 2 { kept.append(try load.run(on: connection).release) }
        try FlipFigures(database: database, releases: kept, load: load, flips: flips).run()
    }

    /// The payloads, and seconds of processor time for each, as the median of a few passes.
    private func encode(_ lists: DrawnLists) throws -> (payloads: [[UInt8]], seconds: Double) {
        var encoder = PayloadEncoder(), payload: [UInt8] = [], payloads: [[UInt8]] = []
        for list in lists.lists { payloads.append(try encoder.encode(list)) }
        let passes = try (0..<5).map { _ in
            let before = ProcessorTime.ofThisProcess
            for list in lists.lists { try encoder.encode(list, into: &payload) }
            return ProcessorTime.ofThisProcess - before
        }
        return (payloads, passes.median / Double(lists.lists.count))
    }

    /// Bytes of a row as COPY sends it: three lengths, key, release, payload, and the number of fields.
    private func averageRow(_ payloads: [[UInt8]]) -> Double {
        26 + Double(payloads.reduce(0) { $0 + $1.count }) / Double(payloads.count)
    }

    private func drop(_ release: Int, on connection: Connection) throws {
        try connection.execute(
            "UPDATE nearline.release SET pruned_at = now() WHERE release = \(release)", doing: "giving up a release")
        _ = try ReleasePruner(connection).sweep(waitMilliseconds: 10_000)
    }
}
