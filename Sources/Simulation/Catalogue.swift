import Domain
import Glibc

/// The items of a shop and how they draw users: their appeal, the weeks in which it rises and fades, and their style.
struct Catalogue: Sendable {
    /// A user clicks items of the own style more: a taste below categories that only behaviour shows.
    static let styles = 4
    private static let unavailableShare = 0.02
    private static let secondsPerWeek: Int64 = 7 * 86_400

    let items: [SimulatedItem]
    let categoryNames: [String]
    /// For each item: its category's row, its style, and the days after which a buyer needs it again (nil: never).
    let categoryOfItem: [Int]
    let styleOfItem: [Int]
    let refillDaysOfItem: [Int?]
    /// For each category, rows of its items.
    let itemsOfCategory: [[Int]]

    private let startsAt: Int64
    /// For each week: a choice over all items, and for each category one over its items.
    private let popular: [WeightedChoice]
    private let withinCategory: [[WeightedChoice]]

    init(_ settings: ShopSettings) {
        var random = SeededGenerator(seed: settings.seed, stream: Stream.catalogue)
        let categoryNames = (0..<settings.categories).map(CategoryWords.name(of:))
        let sizes = WeightedChoice((0..<settings.categories).map { _ in 0.5 + random.uniform() })
        let sellerPools = (0..<settings.categories).map { _ in
            (0..<max(3, settings.sellers / 8)).map { _ in random.below(settings.sellers) }
        }
        var drafts: [ItemDraft] = []
        for row in 0..<settings.items {
            // The first items make sure that no category is empty.
            let category = row < settings.categories ? row : sizes.draw(using: &random)
            drafts.append(ItemDraft(row: row, category: category, sellers: sellerPools[category], using: &random))
        }
        items = drafts.map { draft in
            SimulatedItem(
                id: 1000 + 7 * Int64(draft.row), title: draft.title, category: categoryNames[draft.category],
                seller: "Seller \(100 + draft.seller)", available: draft.lot >= Catalogue.unavailableShare)
        }
        self.categoryNames = categoryNames
        categoryOfItem = drafts.map(\.category)
        styleOfItem = drafts.map(\.style)
        refillDaysOfItem = drafts.map(\.refillDays)
        var itemsOfCategory = [[Int]](repeating: [], count: settings.categories)
        for draft in drafts { itemsOfCategory[draft.category].append(draft.row) }
        self.itemsOfCategory = itemsOfCategory
        startsAt = settings.startsAt

        let weeks = (settings.days + 6) / 7
        let weights = (0..<weeks).map { week in drafts.map { $0.weight(in: week, of: weeks) } }
        popular = weights.map { WeightedChoice($0) }
        withinCategory = weights.map { weights in
            itemsOfCategory.map { rows in WeightedChoice(rows.map { weights[$0] }) }
        }
    }

    /// Any item, by its popularity in the week of `time`.
    func popularItem(at time: Int64, using random: inout SeededGenerator) -> Int {
        popular[week(of: time)].draw(using: &random)
    }

    /// An item of a category, by its popularity in the week of `time`.
    func item(of category: Int, at time: Int64, using random: inout SeededGenerator) -> Int {
        itemsOfCategory[category][withinCategory[week(of: time)][category].draw(using: &random)]
    }

    private func week(of time: Int64) -> Int { Int((time - startsAt) / Catalogue.secondsPerWeek) }
}

/// What is drawn for one item before the shop knows all of them.
private struct ItemDraft {
    let row: Int
    let category: Int
    let seller: Int
    let title: String
    let style: Int
    let refillDays: Int?
    /// Uniform in [0, 1): decides on availability.
    let lot: Double
    private let appeal: Double
    /// Weeks around which the item is at its height, as a share of the simulated time, which it may lie outside of.
    private let peak: Double
    private let isEvergreen: Bool

    init(row: Int, category: Int, sellers: [Int], using random: inout SeededGenerator) {
        self.row = row
        self.category = category
        let words = CategoryWords.of(category)
        seller = random.element(of: sellers)
        let name = [words.looks, words.stuffs, words.nouns].map { random.element(of: $0) }.joined(separator: " ")
        title = random.happens(withProbability: 0.4) ? name + random.element(of: words.sizes) : name
        style = random.below(Catalogue.styles)
        let days = random.within(7...28)
        refillDays = words.isConsumable ? days : nil
        lot = random.uniform()
        appeal = exp(random.normal())
        peak = random.uniform() * 1.4 - 0.2
        isEvergreen = random.happens(withProbability: 0.3)
    }

    /// How strongly the item draws in a week: evergreens do steadily, others rise and fade within a few weeks.
    func weight(in week: Int, of weeks: Int) -> Double {
        guard !isEvergreen else { return appeal * 0.5 }
        let distance = Double(week) + 0.5 - peak * Double(weeks)
        return appeal * (0.05 + exp(-distance * distance / 8))
    }
}
