import Domain

/// One visit of a simulated user: what was shown, and how far each item got.
package struct SimulatedSession: Equatable, Sendable {
    package let user: Int64
    package let id: String
    package let scene: String
    /// What the visit was about; most of its impressions are of this category.
    package let category: String
    /// By time; every item's steps are one row each, from its impression up.
    package let events: [SimulatedEvent]
}

/// One row of the simulated events table.
package struct SimulatedEvent: Equatable, Sendable {
    package let user: Int64
    package let item: Int64
    package let session: String
    /// Epoch seconds.
    package let occurredAt: Int64
    package let action: Action
    /// The item's own category, which need not be the session's.
    package let category: String
    package let scene: String
}
