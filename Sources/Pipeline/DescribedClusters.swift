import Histories
import Interests
import Postgres

/// What a language model is told about the clusters of a release: a given text, or titles of popular items.
struct DescribedClusters: Sendable {
    /// Largest first.
    let clusters: [ClusterDescription]

    var popular: [Int] { clusters.map(\.id) }

    private static let titlesShown = 4

    /// - Parameter texts: a relation with columns `cluster` and `text`; empty for none.
    init(release: Int, source: EventSource, texts: String, on connection: Connection) throws {
        let given = try Self.given(texts, on: connection)
        let rows = try connection.execute(
            """
            SELECT c.cluster, c.name, i.item_id::text AS item
            FROM nearline.release_cluster c
            LEFT JOIN LATERAL nearline.unpack(c.popular) u ON u.rank <= $2::int
            LEFT JOIN nearline.release_item i ON i.release = c.release AND i.item_row = u.item_row
            WHERE c.release = $1::int AND c.items > 0
            ORDER BY c.events DESC, c.items DESC, c.cluster, u.rank
            """, [.int(Int64(release)), .int(Int64(Self.titlesShown))],
            doing: "reading the clusters of release \(release)")
        let titles = try source.titles(of: rows.compactMap { try $0.optionalString("item") }, on: connection)
        var named: [(id: Int, name: String, titles: [String])] = []
        for row in rows {
            let id = try row.int("cluster")
            if named.last?.id != id { named.append((id, try row.string("name"), [])) }
            if let title = try row.optionalString("item").flatMap({ titles[$0] }) {
                named[named.count - 1].titles.append(title)
            }
        }
        clusters = named.map { id, name, titles in
            given[name].map { ClusterDescription(id: id, name: name, text: $0) }
                ?? ClusterDescription(id: id, name: name, titles: titles)
        }
    }

    private static func given(_ relation: String, on connection: Connection) throws -> [String: String] {
        guard !relation.isEmpty else { return [:] }
        guard let quoted = Quote.relation(relation) else { throw SourceError.badName(relation) }
        let rows = try connection.execute(
            "SELECT cluster::text AS cluster, text::text AS text FROM \(quoted) WHERE cluster IS NOT NULL AND text IS NOT NULL",
            doing: "reading what clusters are from \(relation)")
        return Dictionary(
            try rows.map { (try $0.string("cluster"), try $0.string("text")) }, uniquingKeysWith: { first, _ in first })
    }
}
