import Foundation

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
    private let process = Process()
    private let ended = DispatchSemaphore(value: 0)
    private let output: String
    private let errors: String

    init(
        _ path: String, _ arguments: [String], environment: [String: String], folder: String, input: FileHandle?
    ) throws {
        let name = "\(folder)/\(UInt64.random(in: .min ... .max))"
        output = name + ".out"
        errors = name + ".err"
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.environment = environment
        process.currentDirectoryURL = URL(fileURLWithPath: folder)
        process.standardInput = input ?? FileHandle.nullDevice
        process.standardOutput = try RunningCommand.create(output)
        process.standardError = try RunningCommand.create(errors)
        process.terminationHandler = { [ended] _ in ended.signal() }
        try process.run()
    }

    deinit {
        if process.isRunning { send(SIGKILL) }
        unlink(output)
        unlink(errors)
    }

    private static func create(_ path: String) throws -> FileHandle {
        try Data().write(to: URL(fileURLWithPath: path))
        return try FileHandle(forWritingTo: URL(fileURLWithPath: path))
    }

    var isRunning: Bool { process.isRunning }

    var identifier: Int32 { process.processIdentifier }

    func send(_ signal: Int32) { kill(process.processIdentifier, signal) }

    /// Waits for the end; a command that does not come to it is killed, and that fails the test.
    func wait(seconds: Double = 60) throws -> Ended {
        guard ended.wait(timeout: .now() + seconds) == .success else {
            send(SIGKILL)
            throw TooLate(what: "\(process.arguments ?? [])", seconds: seconds)
        }
        let status = process.terminationStatus
        return Ended(
            code: process.terminationReason == .uncaughtSignal ? 128 + status : status,
            output: try String(contentsOfFile: output, encoding: .utf8),
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
