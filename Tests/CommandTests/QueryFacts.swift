import Postgres
import Testing

/// What the database of a ``QueryShop`` holds, read with the plainest of queries: answers are counted again from this.
struct QueryFacts {
    struct Place: Equatable {
        var rank: Int
        var item: String
        var score: String
        var source: String
    }
    struct Transition {
        var older: String?
        var latest: String?
        var rank: Int
        var cluster: String
        var probability: String
    }
    /// One of 'own', 'overlay', 'fallback' for each user that is asked for.
    private let connection: Connection
    private static let current = "(SELECT release FROM nearline.current_release)"

    init(_ shop: QueryShop) throws { connection = try shop.connect() }

    func rows(_ query: String) throws -> Rows { try connection.execute(query, doing: "looking at what is there") }

    func texts(_ query: String) throws -> [String] { try rows(query).map { try $0.string("text") } }

    func number(_ query: String) throws -> Int { try rows("SELECT (\(query))::bigint AS n")[0].int("n") }

    /// The key of the simulated user or item of this number, as text.
    func key(_ number: Int) throws -> String { try texts("SELECT source.key(\(number))::text AS text")[0] }

    /// The lists of a release by user, as they were published.
    func published(_ release: Int) throws -> [String: [Place]] {
        try lists(
            """
            SELECT c.user_id::text AS of_user, u.rank, i.item_id::text AS item, u.score::text AS score, u.source
            FROM nearline.candidate_r\(release) c, nearline.unpack(c.payload) u, nearline.release_item_r\(release) i
            WHERE i.item_row = u.item_row
            """)
    }

    /// What `nearline.lookup` answers now: to everybody who has a list, and to these.
    func served(also numbers: [Int] = []) throws -> [String: [Place]] {
        let others = numbers.map { "UNION SELECT source.key(\($0))" }.joined(separator: " ")
        return try lists(
            """
            SELECT k.user_id::text AS of_user, l.rank, l.item_id::text AS item, l.score::text AS score, l.source
            FROM (SELECT user_id FROM nearline.candidate WHERE release = \(Self.current)
                UNION SELECT user_id FROM nearline.overlay WHERE release = \(Self.current) \(others)) k,
                nearline.lookup(k.user_id) l
            """)
    }

    private func lists(_ query: String) throws -> [String: [Place]] {
        var lists: [String: [Place]] = [:]
        for row in try rows(query) {
            let place = Place(
                rank: try row.int("rank"), item: try row.string("item"), score: try row.string("score"),
                source: try row.string("source"))
            try lists[row.string("of_user"), default: []].append(place)
        }
        return lists.mapValues { $0.sorted { $0.rank < $1.rank } }
    }

    /// In how many of these lists each item of the current release stands, most popular item first.
    func exposure(_ lists: [[Place]]) throws -> [(item: String, lists: Int)] {
        var counts: [String: Int] = [:]
        for place in lists.joined() { counts[place.item, default: 0] += 1 }
        return try texts(
            "SELECT item_id::text AS text FROM nearline.release_item WHERE release = \(Self.current) ORDER BY item_row"
        ).map { ($0, counts[$0] ?? 0) }
    }

    /// A column of the source's items by item.
    func items(_ column: String) throws -> [String: String] {
        let rows = try rows("SELECT item_id::text AS item, \(column)::text AS text FROM source.items")
        return Dictionary(uniqueKeysWithValues: try rows.map { try ($0.string("item"), $0.string("text")) })
    }

    /// Seconds between the as-of instant of the current release and each event, by user.
    func events() throws -> [String: [Double]] {
        try secondsAfterRelease("SELECT user_id, occurred_at AS at FROM source.events")
    }

    /// The same for the as-of instant of each near-line list.
    func overlays() throws -> [String: Double] {
        try secondsAfterRelease("SELECT user_id, as_of AS at FROM nearline.overlay WHERE release = \(Self.current)")
            .mapValues { $0[0] }
    }

    private func secondsAfterRelease(_ query: String) throws -> [String: [Double]] {
        let rows = try rows(
            """
            SELECT q.user_id::text AS of_user, extract(epoch FROM q.at - r.as_of)::float8 AS seconds
            FROM (\(query)) q, nearline.release r WHERE r.release = \(Self.current)
            """)
        return try Dictionary(grouping: rows) { try $0.string("of_user") }
            .mapValues { try $0.map { try $0.double("seconds") } }
    }

    func transitions() throws -> [Transition] {
        try rows("SELECT older, latest, rank, cluster, probability::text AS p FROM nearline.transitions ORDER BY rank")
            .map {
                Transition(
                    older: try $0.optionalString("older"), latest: try $0.optionalString("latest"),
                    rank: try $0.int("rank"), cluster: try $0.string("cluster"), probability: try $0.string("p"))
            }
    }
}
