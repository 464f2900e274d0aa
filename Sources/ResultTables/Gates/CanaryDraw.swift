import Domain
import Postgres
import ResultCodec

/// Draws and decodes the parts of a ``CanarySample``.
struct CanaryDraw {
    let release: Int
    let connection: Connection
    private let decoder: ListDecoder

    init(release: Int, connection: Connection) throws {
        decoder = try ListDecoder(release: release, on: connection)
        self.release = release
        self.connection = connection
    }

    /// The users: such as the near-line path has not touched, as lookups would answer them something newer.
    static func users(_ count: Int, of release: Int) -> String {
        """
        SELECT c.user_id FROM \(Leaf.candidate.name(release)) c \
        WHERE NOT EXISTS (SELECT FROM \(Leaf.overlay.name(release)) o WHERE o.user_id = c.user_id) \
        ORDER BY hashtextextended(c.user_id::text, 1), c.user_id LIMIT \(count)
        """
    }

    func lists(_ count: Int) throws -> [CanarySample.List] {
        let drawn = try connection.execute(
            """
            SELECT c.user_id::text AS key, c.payload FROM (\(Self.users(count, of: release))) s
            JOIN \(Leaf.candidate.name(release)) c USING (user_id)
            """, doing: "drawing canaries of release \(release)"
        ).map { (user: try $0.string("key"), list: decode(try $0.bytes("payload"))) }
        let names = try names(of: drawn.flatMap { $0.list ?? [] })
        return drawn.compactMap { user, list in
            list.flatMap { named($0, names) }.map { CanarySample.List(user: user, items: $0) }
        }
    }

    /// Empty where the release has none; nil where it cannot be read.
    func fallback() throws -> [ListedItem]? {
        let payload = try connection.execute(
            "SELECT payload FROM nearline.fallback WHERE release = $1::int", [.int(Int64(release))],
            doing: "reading the fallback list of release \(release)"
        ).first?.bytes("payload")
        guard let payload else { return [] }
        return try decode(payload).flatMap { named($0, try names(of: $0)) }
    }

    /// A key of the users' type that has no list.
    func unknownUser() throws -> String? {
        let doing = "looking for a user without a list"
        let type = try connection.execute(
            """
            SELECT format_type(atttypid, NULL) AS type FROM pg_attribute
            WHERE attrelid = $1::regclass AND attname = 'user_id'
            """, [.text(Leaf.candidate.name(release))], doing: doing)[0].string("type")
        let key =
            switch IDType(postgresName: type) {
            case .int, .bigint: "(-g)::\(type)"
            case .uuid: "md5('nearline ' || g)::uuid"
            case .text, nil: "'nearline canary ' || g"
            }
        return try connection.execute(
            """
            SELECT k.key::text AS key FROM generate_series(1, 1000) g CROSS JOIN LATERAL (SELECT \(key) AS key) k
            WHERE NOT EXISTS (SELECT FROM \(Leaf.candidate.name(release)) c WHERE c.user_id = k.key)
                AND NOT EXISTS (SELECT FROM \(Leaf.overlay.name(release)) o WHERE o.user_id = k.key)
            ORDER BY g LIMIT 1
            """, doing: doing
        ).first?.string("key")
    }

    private func decode(_ payload: [UInt8]) -> [Candidate]? { payload.withUnsafeBytes { try? decoder.decode($0) } }

    /// Item keys by row.
    private func names(of list: [Candidate]) throws -> [UInt32: String] {
        let rows = "{" + Set(list.map(\.row)).map { "\($0)" }.joined(separator: ",") + "}"
        let found = try connection.execute(
            """
            SELECT item_row, item_id::text AS item FROM \(Leaf.item.name(release)) WHERE item_row = ANY ($1::bigint[])
            """, [.text(rows)], doing: "naming the items of canaries"
        ).map { (UInt32(try $0.int("item_row")), try $0.string("item")) }
        return Dictionary(found, uniquingKeysWith: { first, _ in first })
    }

    /// nil where an item has no name.
    private func named(_ list: [Candidate], _ names: [UInt32: String]) -> [ListedItem]? {
        let items = list.enumerated().compactMap { index, candidate in
            names[candidate.row].map {
                ListedItem(rank: index + 1, item: $0, score: candidate.score, source: candidate.source)
            }
        }
        return items.count == list.count ? items : nil
    }
}

extension CanaryDraw {
    /// The keys, everybody's first; each with the names of its clusters and what lies behind it.
    static func keys(_ count: Int, of release: Int) -> String {
        """
        SELECT t.key, t.payload, a.name AS older, b.name AS latest FROM \(Leaf.transition.name(release)) t \
        LEFT JOIN nearline.release_cluster a \
        ON a.release = \(release) AND a.cluster = nearline.transition_older(t.key) \
        LEFT JOIN nearline.release_cluster b \
        ON b.release = \(release) AND b.cluster = nearline.transition_latest(t.key) \
        WHERE \(Leaf.keysOfTwo) ORDER BY t.key <> 0, hashint8extended(t.key, 1), t.key LIMIT \(count)
        """
    }

    func transitions(_ count: Int) throws -> [CanarySample.Transition] {
        let doing = "drawing transition keys of release \(release)"
        let clusters = Dictionary(
            uniqueKeysWithValues: try connection.execute(
                "SELECT cluster, name FROM nearline.release_cluster WHERE release = $1::int", [.int(Int64(release))],
                doing: doing
            ).map { (UInt32(try $0.int("cluster")), try $0.string("name")) })
        return try connection.execute(Self.keys(count, of: release), doing: doing).compactMap { row in
            guard let list = decode(try row.bytes("payload")) else { return nil }
            let next = list.enumerated().compactMap { index, candidate in
                clusters[candidate.row].map {
                    CanarySample.Transition.Next(rank: index + 1, cluster: $0, probability: candidate.score)
                }
            }
            guard next.count == list.count else { return nil }
            return CanarySample.Transition(
                older: try row.optionalString("older"), latest: try row.optionalString("latest"), next: next)
        }
    }
}
