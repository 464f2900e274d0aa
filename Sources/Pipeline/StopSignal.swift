import Dispatch
import Foundation
import Postgres
import Synchronization

/// The run was told to stop, and did so at a safe point.
package struct Stopped: Error, CustomStringConvertible {
    package let signal: Int32

    package init(signal: Int32) { self.signal = signal }

    package var description: String { "stopped by signal \(signal); run the same command again to go on" }
}

/// SIGTERM and SIGINT: the first asks the run to stop at the next safe point (and cancels statements that wait), the
/// second ends the process at once. Either way nothing half-done becomes visible.
package final class StopSignal: Sendable {
    package static let shared = StopSignal()

    private let received = Atomic<Int32>(0)
    private let limit = Mutex<LimitReached?>(nil)
    private let handles = Mutex<[Watched]>([])
    // Written once, by install(), before anything else runs.
    nonisolated(unsafe) private var sources: [any DispatchSourceSignal] = []

    /// Takes over both signals; called once, by the executable.
    package func install() {
        for number in [SIGTERM, SIGINT] {
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { [self] in
                if received.exchange(number, ordering: .relaxed) != 0 { _exit(128 + number) }
                for handle in handles.withLock({ $0.compactMap(\.handle) }) { handle.cancel() }
            }
            source.resume()
            sources.append(source)
        }
    }

    /// Statements of this connection are cancelled by the first signal.
    func watch(_ handle: CancelHandle) {
        handles.withLock {
            // A long job opens and closes many.
            $0.removeAll { $0.handle == nil }
            $0.append(Watched(handle: handle))
        }
    }

    private struct Watched {
        weak var handle: CancelHandle?
    }

    package var signalReceived: Int32? {
        let number = received.load(ordering: .relaxed)
        return number == 0 ? nil : number
    }

    /// Stops the run as a signal would, for another reason; the first one counts.
    func stop(because reached: LimitReached) {
        limit.withLock { $0 = $0 ?? reached }
        for handle in handles.withLock({ $0.compactMap(\.handle) }) { handle.cancel() }
    }

    /// Why the run is to stop: a signal, or a limit that was reached.
    package var reason: (any Error)? {
        signalReceived.map { Stopped(signal: $0) } ?? limit.withLock { $0 }
    }

    /// A safe point.
    func check() throws {
        if let reason { throw reason }
    }
}
