import CLibPQ
import Glibc

/// LISTEN, and waiting for what NOTIFY says. Not for a session behind a pooler, which need not be the same one tomorrow.
extension Connection {
    package func listen(to channel: String) throws(PostgresError) {
        try execute("LISTEN \(Quote.identifier(channel))", doing: "listening to \(channel)")
    }

    /// Whether a notification came within this time; throws where the session was lost.
    ///
    /// - Parameter milliseconds: 0 only looks.
    package func hasNotification(within milliseconds: Int32) throws(PostgresError) -> Bool {
        precondition(!isInTransaction && !isCopying, "notifications come between transactions")
        if takeNotifications() { return true }
        var descriptor = pollfd(fd: PQsocket(handle), events: Int16(POLLIN), revents: 0)
        // A signal ends the wait too: nothing has come then.
        guard poll(&descriptor, 1, milliseconds) > 0 else { return false }
        guard PQconsumeInput(handle) == 1 else { throw failure(nil, doing: "waiting for a notification") }
        return takeNotifications()
    }

    /// Takes all that have come, and says whether any had.
    private func takeNotifications() -> Bool {
        var found = false
        while let notification = PQnotifies(handle) {
            PQfreemem(notification)
            found = true
        }
        return found
    }
}
