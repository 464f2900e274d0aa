import Foundation
import Ledger
import Logging
import Postgres

/// What every job has at hand: settings, log, clock, progress, stages with their times, and the stop signal.
package final class RunContext {
    package let settings: Settings
    package let log: Logger
    package let command: String
    private let isTerminal: Bool
    private let started = ContinuousClock.now
    package private(set) var stageSeconds: [(stage: String, seconds: Double)] = []
    private var lastProgress = ContinuousClock.now
    private var stageStarted = ContinuousClock.now
    /// While a run is booked: its signs of life.
    var heartbeat: Heartbeat?
    /// While a run is booked: ends it where it reaches a limit.
    var watchdog: Watchdog?
    let activity = Activity()
    /// What holds a long job back, where something does.
    var pace: Pace?
    private var stageName: String?

    package init(_ command: String, settings: Settings) {
        self.command = command
        self.settings = settings
        isTerminal = isatty(2) == 1 && ProcessInfo.processInfo.environment["TERM"] != "dumb"
        let handler = StandardErrorLog(isForPeople: isTerminal)
        log = Logger(label: "nearline") { _ in handler }
    }

    /// The same with the settings of a run that another process has begun.
    func taking(_ json: String, of run: Int) throws -> RunContext {
        let decided = (try? JSONDecoder().decode([String: String].self, from: Data(json.utf8))) ?? [:]
        let context = RunContext(command, settings: try settings.taking(decided, from: "run \(run)"))
        context.now = now
        return context
    }

    /// Microseconds since 1970: once there is a connection, by the server's clock, which all hosts share and as-of instants
    /// come from. A host whose own clock is behind would refuse the newest events as future ones.
    package internal(set) var now = Int64(Date.now.timeIntervalSince1970 * 1e6)

    package var threads: Int {
        settings.int("threads") > 0 ? settings.int("threads") : ProcessInfo.processInfo.activeProcessorCount
    }

    package var seconds: Double { Double((ContinuousClock.now - started) / .milliseconds(1)) / 1000 }

    /// The most memory that this process has held so far.
    package var peakBytes: Int {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return usage.ru_maxrss * 1024
    }

    package func connect(_ purpose: String = "") throws -> Connection {
        let conninfo = settings.text("database")
        guard !Connection.passwordIn(conninfo) else { throw SettingsError.passwordInConnection }
        let connection = try Connection(conninfo, applicationName: "nearline \(command) \(purpose)")
        StopSignal.shared.watch(connection.cancelHandle)
        // So that a statement of a killed process ends soon, and with it the session that books its run. Not every server
        // can do this; without it the statement ends when it ends.
        _ = try? connection.execute("SET client_connection_check_interval = '1s'", doing: "setting up the session")
        return connection
    }

    /// Runs one stage of the story, logs it and keeps its time.
    package func stage<T>(_ name: String, _ body: () throws -> T) throws -> T {
        try safePoint()
        stageStarted = ContinuousClock.now
        lastProgress = stageStarted
        stageName = name
        watchdog?.entered(name)
        heartbeat?.note(progress())
        let value = try body()
        let seconds = Double((ContinuousClock.now - stageStarted) / .milliseconds(1)) / 1000
        stageSeconds.append((name, seconds))
        log.info(
            "\(name)", metadata: ["seconds": "\(String(format: "%.2f", seconds))", "peak_mib": "\(peakBytes >> 20)"])
        return value
    }

    /// Keeps the time that a part of this stage takes, added to what the same part took before.
    func part<T>(_ name: String, _ body: () throws -> T) rethrows -> T {
        let began = ContinuousClock.now
        defer { add((ContinuousClock.now - began) / .seconds(1), toPart: name) }
        return try body()
    }

    /// The same for a part that another thread has done meanwhile.
    func add(_ seconds: Double, toPart name: String) {
        let whole = "\(stageName ?? ""): \(name)"
        if let known = stageSeconds.firstIndex(where: { $0.stage == whole }) {
            stageSeconds[known].seconds += seconds
        } else {
            stageSeconds.append((whole, seconds))
        }
    }

    private func progress(_ done: Int? = nil, _ total: Int? = nil, _ unit: String? = nil) -> RunProgress {
        RunProgress(
            stage: stageName, done: done, total: total, unit: unit,
            stageSeconds: Dictionary(stageSeconds.map { ($0.stage, $0.seconds) }) { $0 + $1 })
    }

    /// Stops here if a signal asked for it, or a limit was reached.
    package func safePoint() throws {
        activity.moved()
        try StopSignal.shared.check()
        try heartbeat?.check()
    }

    /// Waits, and ends the wait early where a signal asks to stop.
    func pause(seconds: Double) throws {
        let end = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < end {
            try safePoint()
            usleep(UInt32(min(0.1, max(0.001, (end - ContinuousClock.now) / .seconds(1))) * 1e6))
        }
    }

    /// Waits while something holds; it is said once, also to those who ask what runs, and the lease goes on.
    func pause(while reason: () throws -> String?) throws {
        guard let first = try reason() else { return }
        log.info("paused", metadata: ["reason": "\(first)"])
        var pausing = progress()
        pausing.stage = "paused: \(first)"
        heartbeat?.note(pausing, atOnce: true)
        while try reason() != nil { try pause(seconds: 1) }
        log.info("going on")
        heartbeat?.note(progress())
    }

    /// Shows how far a stage is: a bar that is redrawn on a terminal, a line every half minute elsewhere.
    ///
    /// - Parameters:
    ///   - fraction: 0 to 1 where the end is known.
    ///   - total: what `done` will be at the end, as far as that can be told.
    package func progress(_ done: Int, _ unit: String, fraction: Double? = nil, total: Int? = nil, note: String = "") {
        activity.moved()
        heartbeat?.note(progress(done, total, unit))
        let elapsed = ContinuousClock.now - lastProgress
        guard elapsed > (isTerminal ? .milliseconds(100) : .seconds(30)) else { return }
        lastProgress = ContinuousClock.now
        let spent = Double((ContinuousClock.now - stageStarted) / .milliseconds(1)) / 1000
        let rate = spent > 0 ? Int(Double(done) / spent) : 0
        guard isTerminal else {
            var facts: Logger.Metadata = ["done": "\(done)", "unit": "\(unit)", "per_second": "\(rate)"]
            if let fraction { facts["percent"] = "\(Int(fraction * 100))" }
            if !note.isEmpty { facts["note"] = "\(note)" }
            log.info("progress", metadata: facts)
            return
        }
        var line = "\(done) \(unit), \(rate)/s"
        if let fraction, fraction > 0 {
            let full = Int(fraction * 24)
            let left = Int(spent / fraction * (1 - fraction))
            line =
                "[" + String(repeating: "#", count: full) + String(repeating: ".", count: 24 - full) + "] "
                + "\(Int(fraction * 100))% " + line + ", \(left) s left"
        }
        StandardStreams.say("\u{1B}[2K\r" + line + (note.isEmpty ? "" : ", " + note))
    }
}
