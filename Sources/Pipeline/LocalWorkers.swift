import Foundation
import Logging

/// Processes of this machine that help with a run, as any others may from elsewhere: `nearline work --run`.
final class LocalWorkers {
    private var processes: [Process] = []
    private let log: Logger

    init(_ count: Int, run: Int, threads: Int, _ context: RunContext) throws {
        log = context.log
        for _ in 0..<max(0, count) {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
            process.arguments = [
                "work", "--run", "\(run)", "--threads", "\(threads)", "--database", context.settings.text("database"),
                "--models", context.settings.text("models"),
            ]
            // Answers are this process's; what the worker has to say goes to the same log.
            process.standardOutput = FileHandle.nullDevice
            try process.run()
            processes.append(process)
        }
    }

    /// Returns when all have ended; those that are still at it are asked to stop, and give back what they hold.
    func end() {
        for process in processes where process.isRunning { process.terminate() }
        for process in processes {
            process.waitUntilExit()
            // A worker that found nothing left to do, or that was asked to stop, is none to speak of.
            guard ![0, 128 + SIGTERM].contains(process.terminationStatus) else { continue }
            log.warning(
                "a worker failed; the others made its shards", metadata: ["code": "\(process.terminationStatus)"])
        }
    }
}
