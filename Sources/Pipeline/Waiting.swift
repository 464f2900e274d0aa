import Dispatch
import Synchronization

extension RunContext {
    /// How long what is under way may go on after a signal: answers that were paid for come in, a mute server is left.
    private static let grace = Duration.seconds(2)
    private static let glance = DispatchTimeInterval.milliseconds(50)

    /// Runs what waits for another server, from a job that is a plain function.
    ///
    /// After the first signal it has some time to end by itself, and is cancelled then.
    ///
    /// - Parameter watch: called again and again meanwhile, on this thread.
    func waiting<T: Sendable>(
        watch: () -> Void = {}, for body: @escaping @Sendable () async throws -> T
    ) throws -> T {
        let result = Mutex<Result<T, any Error>?>(nil), ended = DispatchSemaphore(value: 0)
        let task = Task.detached {
            do {
                let value = try await body()
                result.withLock { $0 = .success(value) }
            } catch {
                result.withLock { $0 = .failure(error) }
            }
            ended.signal()
        }
        var deadline: ContinuousClock.Instant?
        while ended.wait(timeout: .now() + Self.glance) == .timedOut {
            watch()
            guard StopSignal.shared.reason != nil else { continue }
            if deadline == nil { deadline = .now + Self.grace }
            if let deadline, deadline <= .now { task.cancel() }
        }
        return try result.withLock { $0! }.get()
    }
}
