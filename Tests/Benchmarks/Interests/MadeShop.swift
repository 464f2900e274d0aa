import Domain
import Interests

/// Twenty clusters of a shop for outdoor, garden, kitchen and leisure, and transitions drawn between them.
///
/// What follows a key is drawn from weights in which the latest cluster's own theme counts most, and a few planted
/// favourites of the key count more.
struct MadeShop {
    let clusters: [ClusterDescription]
    private(set) var keys: [InterestKey] = []
    private(set) var heldOut: [HeldOutNext] = []

    private static let themes: [[(name: String, titles: [String])]] = [
        [
            ("Tents", ["Dome tent for two", "Family tent", "Tarp 3 x 4 m"]),
            ("Sleeping bags", ["Down sleeping bag", "Summer liner"]),
            ("Camping stoves", ["Gas stove", "Spirit burner", "Pot set"]),
            ("Hiking boots", ["Leather boot", "Trail shoe"]), ("Backpacks", ["45 l pack", "Day pack"]),
        ],
        [
            ("Lawn mowers", ["Push mower", "Robot mower"]), ("Garden hoses", ["Hose 20 m", "Hose reel"]),
            ("Flower seeds", ["Sunflower seeds", "Meadow mix"]), ("Barbecues", ["Kettle grill", "Charcoal 5 kg"]),
            ("Garden chairs", ["Folding chair", "Deck chair"]),
        ],
        [
            ("Coffee makers", ["Drip machine", "French press"]), ("Tea pots", ["Glass pot", "Tea strainer"]),
            ("Baking tins", ["Loaf tin", "Muffin tray"]), ("Kitchen knives", ["Paring knife", "Bread knife"]),
            ("Pans", ["Cast iron pan", "Wok"]),
        ],
        [
            ("Board games", ["Strategy game", "Family game"]), ("Puzzles", ["Puzzle 1000 pieces"]),
            ("Model trains", ["H0 engine", "Track set"]), ("Bicycles", ["City bike", "Children's bike"]),
            ("Bike lights", ["Front light", "Rear light"]),
        ],
    ]

    init(keyCount: Int, seed: UInt64) {
        clusters = MadeShop.themes.joined().enumerated().map {
            ClusterDescription(id: $0, name: $1.name, titles: $1.titles)
        }
        var generator = SeededGenerator(seed: seed)
        let ids = clusters.map(\.id)
        let pairs = ids.flatMap { older in ids.filter { $0 != older }.map { (older, $0) } }
        for (place, pair) in pairs.shuffled(using: &generator).prefix(keyCount).enumerated() {
            add(older: pair.0, latest: pair.1, support: 20 + 2000 / (place + 1), using: &generator)
        }
    }

    private mutating func add(older: Int, latest: Int, support: Int, using generator: inout SeededGenerator) {
        let key = Int64(older + 1) << 32 | Int64(latest + 1)
        let others = clusters.map(\.id).filter { $0 != older && $0 != latest }
        let favourites = others.shuffled(using: &generator).prefix(2)
        let weights = others.map { ($0 / 5 == latest / 5 ? 4.0 : 1.0) + (favourites.contains($0) ? 8.0 : 0.0) }
        let counts = MadeShop.draw(support, from: weights, using: &generator)
        let later = MadeShop.draw(20, from: weights, using: &generator)
        let successors = others.indices.filter { counts[$0] > 0 }.sorted { (counts[$1], $0) < (counts[$0], $1) }
        keys.append(
            InterestKey(
                key: key, older: older, latest: latest, successors: successors.map { others[$0] }, support: support))
        for (place, count) in later.enumerated() where count > 0 {
            heldOut.append(HeldOutNext(key: key, next: others[place], count: count))
        }
    }

    private static func draw(_ count: Int, from weights: [Double], using generator: inout SeededGenerator) -> [Int] {
        var counts = Array(repeating: 0, count: weights.count)
        let sum = weights.reduce(0, +)
        for _ in 0..<count {
            var rest = Double.random(in: 0..<sum, using: &generator)
            let place = weights.firstIndex { weight in
                rest -= weight
                return rest < 0
            }
            counts[place ?? weights.count - 1] += 1
        }
        return counts
    }
}
