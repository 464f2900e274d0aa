import Domain

/// When a user likes to shop.
struct ShoppingHours: Sendable {
    private let startsAt: Int64
    private let latestStart: Int64
    private let days: Int
    private let hour: Double
    private let weekday: Int64

    init(_ settings: ShopSettings, using random: inout SeededGenerator) {
        startsAt = settings.startsAt
        latestStart = settings.endsAt - Shopper.longestSession
        days = settings.days
        hour = 7 + 15 * random.uniform()
        weekday = Int64(random.below(7))
    }

    /// Whether a session that begins then lies within the shop's time.
    func isOpen(at start: Int64) -> Bool { start >= startsAt && start <= latestStart }

    /// A time around the preferred hour, on the preferred weekday more often than on others.
    func start(using random: inout SeededGenerator) -> Int64 {
        for _ in 0..<100 {
            let day = startsAt / 86_400 + Int64(random.below(days + 1))
            guard day % 7 == weekday || random.happens(withProbability: 0.4) else { continue }
            let start = start(on: day, using: &random)
            if isOpen(at: start) { return start }
        }
        return startsAt
    }

    /// A time around the preferred hour of a day, counted from the epoch; it may lie outside the shop's time.
    func start(on day: Int64, using random: inout SeededGenerator) -> Int64 {
        day * 86_400 + Int64((hour + 1.5 * random.normal()) * 3600)
    }
}
