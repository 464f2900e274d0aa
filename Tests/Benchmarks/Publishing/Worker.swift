import Foundation

/// A thread of its own, whose failure the one who waits for it gets: database calls block, so tasks would wait in turn.
final class Worker: @unchecked Sendable {
    private let lock = NSLock()
    private let group = DispatchGroup()
    private var failure: (any Error)?
    private var isDone = false

    init(_ body: @escaping @Sendable () throws -> Void) {
        group.enter()
        Thread.detachNewThread {
            let outcome = Result { try body() }
            self.lock.withLock {
                if case .failure(let error) = outcome { self.failure = error }
                self.isDone = true
            }
            self.group.leave()
        }
    }

    var hasEnded: Bool { lock.withLock { isDone } }

    func join() throws {
        group.wait()
        if let failure = lock.withLock({ failure }) { throw failure }
    }
}

/// Something that one thread says once and others look at.
final class Flag: @unchecked Sendable {
    private let lock = NSLock()
    private var raised = false

    var isRaised: Bool { lock.withLock { raised } }

    func raise() { lock.withLock { raised = true } }

    /// Waits for it, as long as the worker who raises it lives.
    func waits(unless worker: Worker) {
        while !isRaised, !worker.hasEnded { usleep(1000) }
    }
}
