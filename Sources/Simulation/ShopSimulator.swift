import Domain

/// A believable shop made from a seed: data with a structure that models and tests can find, for demos and for CI.
///
/// Users have a few favourite categories, a style, preferred hours and a heavy-tailed number of sessions; the category
/// of the next session follows the planted transitions where one applies; items rise and fade over weeks; consumables
/// are bought again at an interval of their own. Nothing is kept per user: each one follows from the seed alone, so
/// that any number can be streamed and any one made again.
package struct ShopSimulator: Sendable {
    package let settings: ShopSettings
    package var items: [SimulatedItem] { catalogue.items }
    private let catalogue: Catalogue
    private let transitions: TransitionTable

    /// - Parameter settings: have passed ``ShopSettings/check()``.
    package init(_ settings: ShopSettings) {
        self.settings = settings
        catalogue = Catalogue(settings)
        transitions = TransitionTable(categories: settings.categories, seed: settings.seed)
    }

    /// What was planted, for tests to look for.
    package var plantedTransitions: [PlantedTransition] {
        let names = catalogue.categoryNames
        return transitions.all.map { first, second, next in
            PlantedTransition(
                first: names[first], second: names[second], next: names[next],
                probability: TransitionTable.probability)
        }
    }

    /// All sessions of one user, oldest first.
    ///
    /// - Parameter row: from 0 to `settings.users - 1`; the user's id is in the sessions.
    package func sessions(ofUser row: Int) -> [SimulatedSession] {
        precondition(row >= 0 && row < settings.users, "the shop has no user \(row)")
        var visits = Visits(userRow: row, settings: settings, catalogue: catalogue, transitions: transitions)
        return visits.sessions()
    }

    /// All events, user by user, each user's by time.
    package func forEachEvent<Failure: Error>(_ body: (SimulatedEvent) throws(Failure) -> Void) throws(Failure) {
        for row in 0..<settings.users {
            for session in sessions(ofUser: row) {
                for event in session.events { try body(event) }
            }
        }
    }
}

extension ShopSimulator {
    /// Writes all events as CSV, with times in epoch seconds; a file of that name is replaced once the new one is whole.
    package func writeEvents(path: String) throws(SimulationError) {
        let file = try CSVWriter(path: path)
        try file.write(["user_id", "item_id", "session_id", "timestamp", "action", "category", "scene"])
        try forEachEvent { event throws(SimulationError) in
            try file.write([
                String(event.user), String(event.item), event.session, String(event.occurredAt), event.action.label,
                event.category, event.scene,
            ])
        }
        try file.finish()
    }

    /// Writes all items as CSV; a file of that name is replaced once the new one is whole.
    package func writeItems(path: String) throws(SimulationError) {
        let file = try CSVWriter(path: path)
        try file.write(["item_id", "title", "category", "seller", "available"])
        for item in items {
            try file.write([String(item.id), item.title, item.category, item.seller, String(item.available)])
        }
        try file.finish()
    }
}
