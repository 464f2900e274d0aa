import Dispatch
import Domain
import Foundation
import Histories
import Postgres
import Transitions

/// How long each way of counting takes on the same events, all in one run.
struct SpeedFigures {
    let events: Int
    let folder: String
    private let threads = 2
    private var users: Int { max(100, events / 10) }
    private var settings: TransitionSettings { TransitionSettings() }

    init(events: Int, folder: String) {
        self.events = events
        self.folder = folder
    }

    func report() throws {
        let scratch = folder + "/transition-figures-\(getpid())"
        try FileManager.default.createDirectory(atPath: scratch, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: scratch) }
        let connection = try Connection(applicationName: "transition-figures")
        var duckDB: Double?
        do {
            let drawn = DrawnEvents(events, users: users, seed: 1)
            try PairQuery.make(drawn, on: connection)
            if let found = try DuckDB(folder: scratch)?.run(drawn, threads: threads) {
                duckDB = found.seconds
                line("DuckDB from Parquet, \(threads) threads", found.seconds, "\(found.distinct) / \(found.all)")
            }
            try alone(drawn, duckDB)
        }
        let sql = try best(of: 2) {
            let row = try connection.execute(PairQuery.text, doing: "counting in SQL")[0]
            return "\(try row.int("distinct_count")) / \(try row.int("all_count"))"
        }
        line("plain SQL query", sql.seconds, sql.value)
        try fromPostgres(connection, sql.seconds)
        try connection.script("DROP TABLE figures_events", doing: "cleaning up")
    }

    /// Counting alone: the events stand in memory, user by user.
    private func alone(_ drawn: DrawnEvents, _ duckDB: Double?) throws {
        let (clusters, times, starts) = drawn.byUser(users)
        // As a stream hands them out: every thread gets whole users, and about as many events.
        let shares = (0...threads).map { share in
            starts.firstIndex { $0 >= events * share / threads } ?? users
        }
        let before = PeakMemory.start()
        let run = try best(of: 3) {
            let tallies = try self.tallies()
            DispatchQueue.concurrentPerform(iterations: threads) { worker in
                for user in shares[worker]..<shares[worker + 1] {
                    let own = starts[user]..<starts[user + 1]
                    try! tallies[worker].add(
                        clusters: clusters.span.extracting(own), times: times.span.extracting(own))
                }
            }
            return try TransitionTally.finish(tallies, workers: threads)
        }
        let counts = run.value
        let ratio = duckDB.map { ", \(rounded($0 / run.seconds)) times DuckDB" } ?? ""
        line("counting alone, \(threads) threads", run.seconds, "peak \(PeakMemory.megabytes - before) MB more\(ratio)")
        let walk = try timed { try summary(counts) }
        line("  walk through all keys", walk.seconds, walk.value)
        let build = try timed { try counts.build() }
        line("  tables and churn", build.seconds, "\(build.value.table.count) keys")
    }

    private func fromPostgres(_ connection: Connection, _ sql: Double) throws {
        let source = try EventSource(
            SourceNames(events: "figures_events", items: nil, exclusions: nil), on: connection)
        let before = PeakMemory.start()
        let run = try best(of: 3) {
            let tallies = try self.tallies()
            var reader = EngagedEventReader(
                source, asOf: "2026-01-01Z", now: DrawnEvents.endsAt,
                space: ReadingSpace(workers: threads, memoryBytes: 192 << 20, folder: folder))
            try reader.read(
                on: connection, connect: { try Connection(applicationName: "transition-figures") },
                place: { item in
                    guard case .integer(let row) = item else { return nil }
                    return ItemPlace(row: Int32(row), cluster: DrawnEvents.cluster(Int32(row)))
                },
                user: { worker, events in
                    try tallies[worker].add(clusters: events.clusters.span, times: events.times.span)
                })
            return try TransitionTally.finish(tallies, workers: threads)
        }
        line(
            "from PostgreSQL to counts", run.seconds,
            "\(rounded(sql / run.seconds)) times SQL, peak \(PeakMemory.megabytes) MB (\(before) before)")
        line("  the same counts", 0, try summary(run.value))
    }

    private func tallies() throws -> [TransitionTally] {
        try (0..<threads).map { _ in
            try TransitionTally(
                clusters: DrawnEvents.clusters, asOf: DrawnEvents.endsAt, settings: settings,
                space: CountingSpace(folder: folder))
        }
    }

    /// Pairs with a next cluster, distinct and in all.
    private func summary(_ counts: TransitionCounts) throws -> String {
        var distinct = 0, all = 0
        try counts.forEachCount { key, _, count in
            guard key.rawValue >> 32 != 0 else { return }
            distinct += 1
            all += count
        }
        return "\(distinct) / \(all)"
    }

    private func timed<T>(_ body: () throws -> T) rethrows -> (seconds: Double, value: T) {
        let begin = DispatchTime.now().uptimeNanoseconds
        let value = try body()
        return (Double(DispatchTime.now().uptimeNanoseconds - begin) / 1e9, value)
    }

    /// The shortest of several runs, as the machine may be at something else too.
    private func best<T>(of runs: Int, _ body: () throws -> T) rethrows -> (seconds: Double, value: T) {
        var last: (seconds: Double, value: T?) = try timed(body), seconds = last.seconds
        for _ in 1..<runs {
            // Not two results at a time: memory is measured too.
            last.value = nil
            last = try timed(body)
            seconds = min(seconds, last.seconds)
        }
        return (seconds, last.value!)
    }

    private func line(_ what: String, _ seconds: Double, _ more: String) {
        let time = String(format: "%8.3f s", seconds)
        print(what.padding(toLength: 40, withPad: " ", startingAt: 0) + time + "   " + more)
    }

    private func rounded(_ value: Double) -> String { String(format: "%.1f", value) }
}

/// The most memory that the process had since ``start()``.
enum PeakMemory {
    /// Forgets earlier peaks and returns what is in use.
    static func start() -> Int {
        if let file = fopen("/proc/self/clear_refs", "w") {
            fputs("5", file)
            fclose(file)
        }
        return status("VmRSS")
    }

    static var megabytes: Int { status("VmHWM") }

    private static func status(_ name: String) -> Int {
        let text = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix(name) }
        return (line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) } ?? 0) / 1024
    }
}
