import Foundation

/// Which release was current from when to when, as the publisher knows it: a reader who is given another one was given
/// a wrong one, however whole its list is.
final class Timeline: @unchecked Sendable {
    private struct Span {
        var release: Int
        /// When the call that made it current began.
        var from: UInt64
        /// When the call that made another one current had returned.
        var to: UInt64
    }

    private let lock = NSLock()
    private var spans: [Span] = []

    /// Runs `move`, which makes the release current.
    func moving(to release: Int, _ move: () throws -> Void) rethrows {
        lock.withLock { spans.append(Span(release: release, from: Self.now, to: .max)) }
        try move()
        lock.withLock { if spans.count > 1 { spans[spans.count - 2].to = Self.now } }
    }

    /// Whether the release may have been current at some time from `start` to `end`.
    func wasCurrent(_ release: Int, from start: UInt64, to end: UInt64) -> Bool {
        lock.withLock {
            for span in spans.reversed() {
                if span.release == release, span.from <= end, span.to >= start { return true }
                if span.to < start { return false }
            }
            return false
        }
    }

    /// Nanoseconds of the monotonic clock.
    static var now: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
