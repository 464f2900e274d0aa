import Interests

/// Six clusters that need no explanation, and keys over them.
enum SmallShop {
    static let clusters = [
        ClusterDescription(id: 10, name: "Tents", titles: ["Dome tent", "Tarp 3 x 4 m"]),
        ClusterDescription(id: 20, name: "Sleeping bags", titles: ["Down bag"]),
        ClusterDescription(id: 30, name: "Camping stoves", titles: ["Gas stove"]),
        ClusterDescription(id: 40, name: "Bags", titles: []),
        ClusterDescription(id: 50, name: "Café & Tea", text: "everything hot"),
        ClusterDescription(id: 60, name: "Lamps", titles: ["Head lamp"]),
    ]

    static let prompter = InterestPrompter(clusters, popular: clusters.map(\.id))

    static func key(_ older: Int?, _ latest: Int, successors: [Int] = [], support: Int = 1) -> InterestKey {
        InterestKey(
            key: Int64((older ?? -1) + 1) << 32 | Int64(latest + 1), older: older, latest: latest,
            successors: successors,
            support: support)
    }

    /// All ordered pairs, with more support the earlier they come.
    static let pairs: [InterestKey] = {
        let ids = clusters.map(\.id)
        let pairs = ids.flatMap { older in ids.filter { $0 != older }.map { (older, $0) } }
        return pairs.enumerated().map { place, pair in
            key(pair.0, pair.1, successors: ids.filter { $0 != pair.0 && $0 != pair.1 }, support: 1000 - place)
        }
    }()
}
