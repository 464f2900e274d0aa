import Foundation
import Logging
import Postgres
import Synchronization

/// Counts whatever moves in a run. Whoever waits for a while on purpose, and looks for a stop meanwhile, moves too.
final class Activity: Sendable {
    private let count = Atomic<Int>(0)

    func moved() { count.add(1, ordering: .relaxed) }
    var moves: Int { count.load(ordering: .relaxed) }
}

/// Ends a run that is past its deadline, stands still, or has taken too much memory: first as a signal would, at a safe
/// point and with its statements cancelled; where that leads to no end, the process.
final class Watchdog: Sendable {
    /// How long a run may take to come to its end.
    private static let graceSeconds = 30.0
    private static let lookEvery = 0.25

    private let limits: RunLimits
    private let activity: Activity
    private let log: Logger
    private let database: String
    private let isOver = Atomic<Bool>(false)
    private let stage = Mutex("beginning")
    private let ended = DispatchSemaphore(value: 0)

    init(_ limits: RunLimits, _ activity: Activity, _ context: RunContext) {
        self.limits = limits
        self.activity = activity
        log = context.log
        database = context.settings.text("database")
        let thread = Thread { [self] in watch() }
        thread.name = "watchdog"
        thread.start()
    }

    func entered(_ name: String) { stage.withLock { $0 = name } }

    /// Returns when the thread has ended.
    func end() {
        isOver.store(true, ordering: .relaxed)
        ended.wait()
    }

    private func watch() {
        defer { ended.signal() }
        var moves = activity.moves, moved = ContinuousClock.now
        while !isOver.load(ordering: .relaxed) {
            usleep(UInt32(Self.lookEvery * 1e6))
            if activity.moves != moves {
                moves = activity.moves
                moved = .now
            }
            guard let reached = reached(still: Double((ContinuousClock.now - moved) / .milliseconds(1)) / 1000) else {
                continue
            }
            if case .stalled = reached { tellWhere() }
            StopSignal.shared.stop(because: reached)
            return awaitEnd(reached)
        }
    }

    private func reached(still seconds: Double) -> LimitReached? {
        if let deadline = limits.deadline, Date.now >= deadline {
            return .deadline(deadline.formatted(.iso8601))
        }
        if let stall = limits.stall, seconds >= stall.seconds {
            return .stalled(stage: stage.withLock { $0 }, limit: stall.text)
        }
        if let limit = limits.memoryBytes, let bytes = Self.residentBytes, bytes > limit {
            return .memory(mebibytes: bytes >> 20, limit: limit >> 20)
        }
        return nil
    }

    private static var residentBytes: Int? {
        let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
        return text?.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 * Int(getpagesize()) }
    }

    private func awaitEnd(_ reached: LimitReached) {
        let end = ContinuousClock.now + .seconds(Self.graceSeconds)
        while !isOver.load(ordering: .relaxed) {
            guard ContinuousClock.now < end else {
                log.error("the run did not stop; the process is ended", metadata: ["reason": "\(reached)"])
                _exit(ExitCode.heldOrLate.rawValue)
            }
            usleep(UInt32(Self.lookEvery * 1e6))
        }
    }

    /// What every thread of this process and every session of its commands is at.
    private func tellWhere() {
        for thread in ThreadStacks.all() {
            log.error("where a thread stands", metadata: ["thread": "\(thread.name)", "stack": "\(thread.frames)"])
        }
        // A session of its own: all others may be what stands still.
        guard let connection = try? Connection(database, applicationName: "nearline watchdog"),
            let sessions = try? connection.execute(
                """
                SELECT pid, application_name AS name, state, coalesce(wait_event_type || ' ' || wait_event, 'nothing') AS wait,
                    array_to_string(pg_blocking_pids(pid), ' ') AS blocked_by, left(query, 200) AS query
                FROM pg_stat_activity WHERE usename = current_user AND application_name LIKE 'nearline %'
                    AND pid <> pg_backend_pid()
                """, doing: "looking what sessions wait for")
        else { return }
        for row in sessions {
            let facts = ["pid", "name", "state", "wait", "blocked_by", "query"].map { name in
                (name, (try? row.optionalString(name)) ?? "")
            }
            log.error(
                "what a session is at",
                metadata: Dictionary(uniqueKeysWithValues: facts.map { ($0.0, "\($0.1)") }))
        }
    }
}
