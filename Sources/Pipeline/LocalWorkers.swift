import Domain
import Foundation
import Logging

/// Processes of this machine that help with a run, as any others may from elsewhere: `nearline work --run`.
final class LocalWorkers {
    private var processes: [ChildProcess] = []
    private let log: Logger

    init(_ count: Int, run: Int, threads: Int, _ context: RunContext) throws {
        log = context.log
        let executable = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().path
        // Each has the same part of the rate; what a run pauses for stands with it.
        let pace = context.pace?.usersPerSecond.map { ["--max-rate", "\($0)"] } ?? []
        for _ in 0..<max(0, count) {
            // Answers are this process's; what the worker has to say goes to the same log.
            processes.append(
                try ChildProcess(
                    executable,
                    [
                        "work", "--run", "\(run)", "--threads", "\(threads)", "--database",
                        context.settings.text("database"), "--models", context.settings.text("models"),
                    ] + pace))
        }
    }

    /// Returns when all have ended; those that are still at it are asked to stop, and give back what they hold.
    func end() {
        for process in processes { process.send(SIGTERM) }
        for process in processes {
            let code = process.wait()
            // A worker that found nothing left to do, or that was asked to stop, is none to speak of.
            guard ![0, 128 + SIGTERM].contains(code) else { continue }
            log.warning("a worker failed; the others made its shards", metadata: ["code": "\(code)"])
        }
    }
}
