import Domain
import Foundation
import Synchronization

/// Calls the executable as a person or cron would: arguments and environment in; exit code, answer and log out.
struct Commands: Sendable {
    /// The working folder, so that no `nearline.yaml` of the developer's is found.
    let folder: String
    let environment: [String: String]

    /// - Parameter settings: environment of all commands; no other NEARLINE_* reaches them.
    init(folder: String, _ settings: [String: String] = [:]) {
        self.folder = folder
        environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("NEARLINE_") }
            .merging(settings) { $1 }
    }

    func run(
        _ arguments: [String], with settings: [String: String] = [:], input: FileHandle? = nil, seconds: Double = 60
    ) throws -> Ended {
        try start(arguments, with: settings, input: input).wait(seconds: seconds)
    }

    func start(
        _ arguments: [String], with settings: [String: String] = [:], input: FileHandle? = nil
    ) throws -> RunningCommand {
        guard let path = ProcessInfo.processInfo.environment["NEARLINE_BIN"] else { throw NoExecutable() }
        return try RunningCommand(
            path, arguments, environment: environment.merging(settings) { $1 }, folder: folder, input: input)
    }
}

/// How a command ended.
struct Ended: Sendable {
    /// As a shell says it: 128 + the signal where one ended the process.
    let code: Int32
    let output: String
    let errors: String
}

/// A command at work; its output goes to files, so that no full pipe holds it up.
final class RunningCommand {
    private let process: ChildProcess
    private let arguments: [String]
    private let end = End()
    private let output: String
    private let errors: String

    init(
        _ path: String, _ arguments: [String], environment: [String: String], folder: String, input: FileHandle?
    ) throws {
        let name = "\(folder)/\(UInt64.random(in: .min ... .max))"
        output = name + ".out"
        errors = name + ".err"
        self.arguments = arguments
        let files = [try RunningCommand.create(output), try RunningCommand.create(errors)]
        // A handle closes its file when it goes.
        process = try withExtendedLifetime((files, input)) {
            try ChildProcess(
                "/usr/bin/env", ["-C", folder, path] + arguments, environment: environment,
                ChildProcess.Streams(
                    input: input?.fileDescriptor, output: files[0].fileDescriptor, errors: files[1].fileDescriptor))
        }
        Thread.detachNewThread { [process, end] in
            let code = process.wait()
            end.code.withLock { $0 = code }
            end.signal.signal()
        }
    }

    deinit {
        if isRunning { send(SIGKILL) }
        unlink(output)
        unlink(errors)
    }

    private final class End: Sendable {
        let code = Mutex<Int32?>(nil)
        let signal = DispatchSemaphore(value: 0)
    }

    private static func create(_ path: String) throws -> FileHandle {
        try Data().write(to: URL(fileURLWithPath: path))
        return try FileHandle(forWritingTo: URL(fileURLWithPath: path))
    }

    var isRunning: Bool { end.code.withLock { $0 == nil } }

    var identifier: Int32 { process.identifier }

    /// What it has said so far.
    var errorsSoFar: String {
        get throws { try String(contentsOfFile: errors, encoding: .utf8) }
    }

    func send(_ signal: Int32) { process.send(signal) }

    /// Waits for the end; a command that does not come to it is killed, and that fails the test.
    func wait(seconds: Double = 60) throws -> Ended {
        guard end.signal.wait(timeout: .now() + seconds) == .success else {
            send(SIGKILL)
            throw TooLate(what: "\(arguments)", seconds: seconds)
        }
        return Ended(
            code: end.code.withLock { $0 } ?? 0, output: try String(contentsOfFile: output, encoding: .utf8),
            errors: try String(contentsOfFile: errors, encoding: .utf8))
    }
}

/// Polls until something holds; throws when it does not within the time.
func waitUntil(_ what: String, seconds: Double = 20, _ condition: () throws -> Bool) throws {
    let deadline = ContinuousClock.now + .seconds(seconds)
    while try !condition() {
        guard ContinuousClock.now < deadline else { throw TooLate(what: what, seconds: seconds) }
        usleep(2000)
    }
}

struct TooLate: Error, CustomStringConvertible {
    let what: String
    let seconds: Double
    var description: String { "\(what): not within \(seconds) s" }
}

/// Thrown where a test needs the executable and nothing says where it is.
struct NoExecutable: Error, CustomStringConvertible {
    let description = "no executable for tests (NEARLINE_BIN is not set): run jobs/test.sh"
}
