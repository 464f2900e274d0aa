import Domain

/// One event of a file, ready for the events table.
package struct EventRow: Equatable, Sendable {
    package var user: ExternalID
    package var item: ExternalID
    /// Microseconds since the Unix epoch.
    package var occurredAt: Int64
    /// The label as given, in lower case; ``Action`` knows it.
    package var action: String
    package var session: String?
    package var scene: String?
    package var category: String?

    package init(
        user: ExternalID, item: ExternalID, occurredAt: Int64, action: String, session: String? = nil,
        scene: String? = nil, category: String? = nil
    ) {
        self.user = user
        self.item = item
        self.occurredAt = occurredAt
        self.action = action
        self.session = session
        self.scene = scene
        self.category = category
    }
}
