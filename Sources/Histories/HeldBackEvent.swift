import Domain

/// One user's events without the last engaged one: it waits until a later one shows that it was not the last.
struct HeldBackEvent {
    /// The last engaged event so far, and the impressions since.
    private var waiting: [SourceEvent] = []

    /// Calls `body` with every event that is now known to lie before the last engaged one, in order.
    mutating func add(_ event: SourceEvent, _ body: (SourceEvent) -> Void) {
        if event.action > .impression {
            waiting.forEach(body)
            waiting = [event]
        } else if waiting.isEmpty {
            body(event)
        } else {
            waiting.append(event)
        }
    }

    /// The last engaged event, nil where there was none; ready for the next user.
    mutating func finish() -> SourceEvent? {
        defer { waiting.removeAll(keepingCapacity: true) }
        return waiting.first
    }
}
