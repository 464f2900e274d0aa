import Logging
import Postgres
import ResultTables

/// Refreshes until it is told to stop: an idle service begins as soon as somebody's events commit, a busy one once in its
/// interval, so that the users of many events get one new list for all of them.
///
/// Writers notify only while the watermark says that somebody sleeps: in PostgreSQL notifying commits wait for each other,
/// and steady traffic is to pay nothing for it.
final class RefreshService {
    /// Between looks at the stop signal.
    private static let glanceMilliseconds: Int32 = 200
    /// Beyond the interval, for the wish to be woken to last until it is renewed.
    private static let margin = 5.0
    private static let metricsEvery = Duration.seconds(15)

    private let context: RunContext
    private let rounds: RefreshRounds
    private let storing: Connection
    private let interval: Duration
    private var listener: Connection?
    private var metricsAt: ContinuousClock.Instant?

    /// - Parameter every: seconds from the beginning of one round to that of the next, while there is work.
    init(_ context: RunContext, _ rounds: RefreshRounds, storing: Connection, every: Double) {
        self.context = context
        self.rounds = rounds
        self.storing = storing
        interval = .seconds(every)
    }

    /// Returns by an error only; the stop signal is one.
    func run() throws {
        defer { _ = try? RefreshQueue(storing).stopWaiting() }
        while true {
            let next = ContinuousClock.now + interval
            let users = try rounds.emptyQueue()
            writeMetrics()
            if users > 0 || storing.isPooled {
                try context.pause(seconds: max(0, (next - .now) / .seconds(1)))
            } else {
                try rounds.persisting { try sleep(until: next) }
            }
        }
    }

    /// Until then, or until somebody waits for a new list.
    private func sleep(until end: ContinuousClock.Instant) throws {
        let listener = try listening(), queue = RefreshQueue(storing)
        // What was said before is known.
        while try listener.hasNotification(within: 0) {}
        try queue.wait(seconds: max(0, (end - .now) / .seconds(1)) + Self.margin)
        // Whoever committed before that said nothing. Who looked before it and commits now is seen at the end of the interval.
        guard try queue.isEmpty(behind: rounds.place) else { return }
        while ContinuousClock.now < end {
            try context.safePoint()
            if try listener.hasNotification(within: Self.glanceMilliseconds) { return }
        }
    }

    private func listening() throws -> Connection {
        if let listener {
            if try listener.reconnectIfLost() { try listener.listen(to: RefreshQueue.channel) }
            return listener
        }
        let new = try context.connect("listener")
        try new.listen(to: RefreshQueue.channel)
        listener = new
        return new
    }

    private func writeMetrics() {
        if let metricsAt, ContinuousClock.now - metricsAt < Self.metricsEvery { return }
        metricsAt = .now
        context.writeMetrics(on: storing)
    }
}
