import ArgumentParser
import Foundation
import Pipeline

/// Runs one job: settings, signals, answer on standard output, failure as one line on standard error and its exit code.
func execute(
    _ command: String, _ common: CommonOptions, _ flags: [String: String?] = [:],
    _ job: (RunContext) throws -> Answer
) throws {
    StopSignal.shared.install()
    do {
        let given = common.settings.merging(flags) { _, new in new }.compactMapValues { $0 }
        let settings = try Settings(
            flags: given, environment: ProcessInfo.processInfo.environment, file: common.config)
        let answer = try job(RunContext(command, settings: settings))
        try StandardStreams.answer(common.json ? answer.json : answer.text)
    } catch let error as ArgumentParser.ExitCode {
        throw error
    } catch {
        // A statement that a signal, or a limit, cancelled fails in its own words; what happened is the stop.
        let error: any Error = StopSignal.shared.reason ?? error
        StandardStreams.complain("nearline \(command): \(error)")
        if let stopped = error as? Stopped { throw ArgumentParser.ExitCode(128 + stopped.signal) }
        throw ArgumentParser.ExitCode(Pipeline.ExitCode(for: error).rawValue)
    }
}
