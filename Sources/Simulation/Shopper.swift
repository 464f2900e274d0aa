import Domain
import Glibc

/// What makes one user different from the others; all of it follows from the shop's seed and the user's row.
struct Shopper: Sendable {
    private static let mostSessions = 60
    /// Sessions of one user begin at least this far apart, so that a 30-minute gap finds them again.
    private static let apart: Int64 = 90 * 60
    /// Every session is over by then.
    static let longestSession: Int64 = 30 * 60

    let id: Int64
    let style: Int
    /// Categories of interest with their weights, strongest first.
    let taste: [(category: Int, weight: Double)]
    /// When each session begins, in order, epoch seconds.
    private(set) var starts: [Int64]
    private let hours: ShoppingHours
    private let favouriteScene: Int

    static let scenes = ["home", "search", "mail"]

    init(row: Int, settings: ShopSettings, transitions: TransitionTable, using random: inout SeededGenerator) {
        id = 5000 + 3 * Int64(row)
        style = random.below(Catalogue.styles)
        taste = Shopper.taste(categories: settings.categories, transitions: transitions, using: &random)
        favouriteScene = random.below(2)
        hours = ShoppingHours(settings, using: &random)
        starts = []
        for _ in 0..<Shopper.sessionCount(using: &random) { addStart(hours.start(using: &random)) }
    }

    /// Heavy-tailed, 1 to 60: most users come a few times, some nearly every day.
    private static func sessionCount(using random: inout SeededGenerator) -> Int {
        min(mostSessions, Int(3 * pow(1 - random.uniform(), -0.7)) - 2)
    }

    /// Two categories that a planted transition begins with, and one or two of the user's own.
    ///
    /// Low rows of pairs are drawn more, so that categories differ in popularity.
    private static func taste(
        categories: Int, transitions: TransitionTable, using random: inout SeededGenerator
    ) -> [(category: Int, weight: Double)] {
        let pairs = transitions.all
        let skewed = Int(pow(random.uniform(), 1.5) * Double(pairs.count))
        var chosen = [pairs[skewed].first, pairs[skewed].second]
        let wanted = random.within(3...4)
        while chosen.count < wanted {
            let category = random.below(categories)
            if !chosen.contains(category) { chosen.append(category) }
        }
        return zip(chosen, [0.45, 0.35, 0.12, 0.08]).map { (category: $0, weight: $1) }
    }

    /// A category of the user's taste other than `excluded`.
    func ownCategory(except excluded: Int?, using random: inout SeededGenerator) -> Int {
        let open = taste.filter { $0.category != excluded }
        return open[WeightedChoice(open.map(\.weight)).draw(using: &random)].category
    }

    func scene(using random: inout SeededGenerator) -> Int {
        if random.happens(withProbability: 0.15) { return 2 }
        return random.happens(withProbability: 0.75) ? favouriteScene : 1 - favouriteScene
    }

    /// Comes once more on a day, counted from the epoch, unless the shop has closed by then.
    mutating func comeBack(on day: Int64, using random: inout SeededGenerator) {
        let start = hours.start(on: day, using: &random)
        if hours.isOpen(at: start) { addStart(start) }
    }

    /// Comes once more, unless the user comes around then anyway, or has come often enough.
    private mutating func addStart(_ start: Int64) {
        guard starts.count < Shopper.mostSessions else { return }
        let position = starts.firstIndex { $0 > start } ?? starts.count
        if position > 0, start - starts[position - 1] < Shopper.apart { return }
        if position < starts.count, starts[position] - start < Shopper.apart { return }
        starts.insert(start, at: position)
    }
}
