import Domain

/// Lives through the sessions of one user in order, as what is bought in one decides on later ones.
struct Visits {
    private static let clickToCart = 0.3
    private static let cartToPurchase = 0.5
    /// Each step of the ladder for an item that the user has come to need again.
    private static let refillStep = 0.9
    private static let mostRefillsPerSession = 3

    private let catalogue: Catalogue
    private let transitions: TransitionTable
    private var random: SeededGenerator
    private var shopper: Shopper
    /// The last two distinct categories that sessions were about.
    private var secondToLast: Int?
    private var last: Int?
    /// Consumables bought, and when each will be used up.
    private var refills: [(item: Int, dueAt: Int64)] = []

    init(
        userRow: Int, settings: ShopSettings, catalogue: Catalogue, transitions: TransitionTable
    ) {
        self.catalogue = catalogue
        self.transitions = transitions
        random = SeededGenerator(seed: settings.seed, stream: Stream.user, UInt64(userRow))
        shopper = Shopper(row: userRow, settings: settings, transitions: transitions, using: &random)
    }

    mutating func sessions() -> [SimulatedSession] {
        var sessions: [SimulatedSession] = []
        // Refills add sessions after the current one.
        while sessions.count < shopper.starts.count {
            sessions.append(session(number: sessions.count + 1, start: shopper.starts[sessions.count]))
        }
        return sessions
    }

    private mutating func session(number: Int, start: Int64) -> SimulatedSession {
        let category = nextCategory()
        let scene = shopper.scene(using: &random)
        let shown = impressions(of: category, scene: scene, at: start)
        var steps: [(item: Int, action: Action, at: Int64)] = []
        var time = start
        for (item, isRefill) in shown {
            let interest = isRefill ? Visits.refillStep : interest(in: item, of: category)
            steps += ladder(of: item, interest: interest, isRefill: isRefill, shownAt: time)
            time += Int64(random.within(2...15))
        }
        let inOrder = steps.enumerated().sorted { ($0.element.at, $0.offset) < ($1.element.at, $1.offset) }
        let id = "\(shopper.id)-\(number)"
        let events = inOrder.map { _, step in
            SimulatedEvent(
                user: shopper.id, item: catalogue.items[step.item].id, session: id, occurredAt: step.at,
                action: step.action, category: catalogue.items[step.item].category, scene: Shopper.scenes[scene])
        }
        return SimulatedSession(
            user: shopper.id, id: id, scene: Shopper.scenes[scene], category: catalogue.categoryNames[category],
            events: events)
    }

    /// Where the last two distinct categories are a planted pair, what follows them at exactly the planted rate.
    private mutating func nextCategory() -> Int {
        var category = shopper.ownCategory(except: nil, using: &random)
        if let secondToLast, let last, let planted = transitions.next(after: secondToLast, last) {
            let follows = random.happens(withProbability: TransitionTable.probability)
            category = follows ? planted : shopper.ownCategory(except: planted, using: &random)
        }
        if category != last { (secondToLast, last) = (last, category) }
        return category
    }

    /// What one session shows, each item once: what is due, then the session's category mixed with others.
    private mutating func impressions(
        of category: Int, scene: Int, at time: Int64
    ) -> [(item: Int, isRefill: Bool)] {
        let due = refills.filter { $0.dueAt <= time }.prefix(Visits.mostRefillsPerSession).map(\.item)
        var shown = due.map { (item: $0, isRefill: true) }
        var seen = Set(due)
        // Shares of the session's own category and of popular items; the rest is of the user's other categories.
        let (ownShare, popularShare) = [(0.65, 0.25), (0.9, 0.05), (0.6, 0.35)][scene]
        let wanted = random.within(8...20)
        for _ in 0..<4 * wanted where shown.count < wanted {
            let lot = random.uniform()
            let item =
                if lot < ownShare {
                    fittingItem(of: category, at: time)
                } else if lot < ownShare + popularShare {
                    catalogue.popularItem(at: time, using: &random)
                } else {
                    fittingItem(of: shopper.ownCategory(except: category, using: &random), at: time)
                }
            if seen.insert(item).inserted { shown.append((item, false)) }
        }
        return shown
    }

    /// An item of a category; the shop knows the user a little and shows the own style more.
    private mutating func fittingItem(of category: Int, at time: Int64) -> Int {
        let item = catalogue.item(of: category, at: time, using: &random)
        let isFitting = catalogue.styleOfItem[item] == shopper.style
        if isFitting || random.happens(withProbability: 0.4) { return item }
        return catalogue.item(of: category, at: time, using: &random)
    }

    /// The probability that an item shown is clicked.
    private func interest(in item: Int, of category: Int) -> Double {
        let isOfStyle = catalogue.styleOfItem[item] == shopper.style
        let itemCategory = catalogue.categoryOfItem[item]
        if itemCategory == category { return isOfStyle ? 0.45 : 0.12 }
        let isOfTaste = shopper.taste.contains { $0.category == itemCategory }
        return isOfTaste ? (isOfStyle ? 0.2 : 0.08) : 0.04
    }

    /// The steps that an item gets to, one row each, some seconds apart.
    private mutating func ladder(
        of item: Int, interest: Double, isRefill: Bool, shownAt: Int64
    ) -> [(item: Int, action: Action, at: Int64)] {
        var steps = [(item: item, action: Action.impression, at: shownAt)]
        var time = shownAt
        let rungs = [
            (Action.click, interest, 2...9), (.cart, isRefill ? Visits.refillStep : Visits.clickToCart, 5...40),
            (.purchase, isRefill ? Visits.refillStep : Visits.cartToPurchase, 20...120),
        ]
        for (action, probability, seconds) in rungs {
            guard random.happens(withProbability: probability) else { return steps }
            time += Int64(random.within(seconds))
            steps.append((item, action, time))
        }
        planRefill(of: item, boughtAt: time)
        return steps
    }

    /// A consumable will be used up after its own time; some users come for it then.
    private mutating func planRefill(of item: Int, boughtAt: Int64) {
        guard let days = catalogue.refillDaysOfItem[item] else { return }
        refills.removeAll { $0.item == item }
        let dueAt = boughtAt + Int64(days) * 86_400
        refills.append((item, dueAt))
        if random.happens(withProbability: 0.6) { shopper.comeBack(on: dueAt / 86_400 + 1, using: &random) }
    }
}
