/// One item of a simulated shop.
package struct SimulatedItem: Equatable, Sendable {
    package let id: Int64
    package let title: String
    package let category: String
    package let seller: String
    /// As of the end of the simulation; an unavailable item still has its past events.
    package let available: Bool
}
