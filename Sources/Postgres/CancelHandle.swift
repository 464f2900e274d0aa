import CLibPQ
import Synchronization

/// Asks the server to stop what a ``Connection`` is doing, from any thread; the statement then fails as `.cancelled`.
///
/// It follows its connection through a reconnect. A request that arrives between two statements is ignored by the
/// server, so whoever stops a run also sets a flag that the run looks at.
package final class CancelHandle: Sendable {
    private let target: Mutex<Target>

    init(_ handle: OpaquePointer) { target = Mutex(Target(handle)) }

    /// Waits until the server has the request; false when it could not be delivered.
    @discardableResult
    package func cancel() -> Bool { target.withLock { $0.cancel() } }

    func follow(_ handle: OpaquePointer) {
        target.withLock { $0 = Target(handle) }
    }
}

/// A copy of the address and the key of one backend. Sendable because libpq only reads it.
private struct Target: ~Copyable, @unchecked Sendable {
    private let pointer: OpaquePointer?

    init(_ handle: OpaquePointer) { pointer = PQgetCancel(handle) }

    deinit { PQfreeCancel(pointer) }

    func cancel() -> Bool {
        guard let pointer else { return false }
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { message in
            PQcancel(pointer, message.baseAddress, Int32(message.count)) == 1
        }
    }
}
