import Foundation
import Logging
import Postgres

/// Waits between attempts after what may pass: a lost session, a deadlock, a server that restarts. Longer each time, never
/// in step with other workers, and not for ever, but for a service.
struct Retries {
    private let context: RunContext
    private let isEndless: Bool
    private var attempts = 0
    private static let most = 8
    private static let longest = 20.0

    init(_ context: RunContext, isEndless: Bool = false) {
        self.context = context
        self.isEndless = isEndless
    }

    mutating func succeeded() { attempts = 0 }

    /// Throws the error where trying again would not help, or has not.
    mutating func wait(after error: PostgresError) throws {
        guard StopSignal.shared.reason == nil, [.transient, .unreachable, .readOnly].contains(error.kind),
            isEndless || attempts < Self.most
        else { throw error }
        attempts += 1
        let seconds = min(Self.longest, 0.25 * exp2(Double(attempts))) * Double.random(in: 0.5...1)
        context.log.warning(
            "trying again",
            metadata: ["reason": "\(error)", "attempt": "\(attempts)", "in_seconds": "\(Int(seconds + 0.5))"])
        try context.pause(seconds: seconds)
    }
}
