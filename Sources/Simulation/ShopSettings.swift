/// The size and the seed of a simulated shop; the same settings give the same bytes.
package struct ShopSettings: Equatable, Sendable {
    package var users: Int
    package var items: Int
    package var categories: Int
    package var sellers: Int
    package var days: Int
    package var seed: UInt64
    /// Epoch seconds; every event lies in the `days` days before it.
    package var endsAt: Int64

    package init(
        users: Int = 2000, items: Int = 1500, categories: Int = 24, sellers: Int = 60, days: Int = 60, seed: UInt64 = 7,
        endsAt: Int64
    ) {
        self.users = users
        self.items = items
        self.categories = categories
        self.sellers = sellers
        self.days = days
        self.seed = seed
        self.endsAt = endsAt
    }

    package var startsAt: Int64 { endsAt - Int64(days) * 86_400 }

    /// A shop needs enough of everything for its structure to exist.
    package func check() throws(SimulationError) {
        try check("users", users, 1...100_000_000)
        try check("categories", categories, 4...1000)
        try check("items", items, categories...10_000_000)
        try check("sellers", sellers, 1...1_000_000)
        try check("days", days, 1...3650)
    }

    private func check(_ name: String, _ value: Int, _ allowed: ClosedRange<Int>) throws(SimulationError) {
        guard allowed.contains(value) else {
            throw .badSetting(name: name, value: value, allowed: allowed)
        }
    }
}
