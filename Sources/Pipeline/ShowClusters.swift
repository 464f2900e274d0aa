import Postgres
import ResultCodec
import ResultTables

/// `nearline clusters`: the groups of items that transitions lead between, with their most popular items.
package struct ShowClusters {
    /// The one to show alone; nil shows all.
    package var name: String?
    /// Clusters shown, largest first.
    package var count: Int
    /// Items shown of each.
    package var itemsShown: Int

    package init(name: String?, count: Int, itemsShown: Int) {
        self.name = name
        self.count = count
        self.itemsShown = itemsShown
    }

    private struct Facts: Encodable {
        struct Item: Encodable {
            var item: String
            var title: String?
            var share: Double
        }
        var cluster: String
        var items: Int
        var events: Int
        var top: [Item]
    }

    package func run(_ context: RunContext) throws -> Answer {
        let connection = try context.connectToSchema()
        guard let release = try ReleaseCatalogue(connection).current() else { throw ReleaseError.noRelease }
        let rows = try connection.execute(
            """
            SELECT c.name, c.items, c.events, u.rank, i.item_id::text AS item, u.score
            FROM (SELECT * FROM nearline.release_cluster
                WHERE release = $1::int AND ($2::text IS NULL OR name = $2) AND (items > 0 OR $2 IS NOT NULL)
                ORDER BY events DESC, items DESC, cluster LIMIT $3::int) c
            LEFT JOIN LATERAL nearline.unpack(c.popular) u ON u.rank <= $4::int
            LEFT JOIN nearline.release_item i ON i.release = c.release AND i.item_row = u.item_row
            ORDER BY c.events DESC, c.items DESC, c.cluster, u.rank
            """,
            [.int(Int64(release.release)), Parameter(name), .int(Int64(count)), .int(Int64(itemsShown))],
            doing: "reading the clusters of release \(release.release)")
        if let name, rows.isEmpty {
            throw JobError.unknownClusters(
                name, release: release.release, count: try known(release.release, connection))
        }
        let titles = try titles(of: rows.compactMap { try $0.optionalString("item") }, context, connection)
        var facts: [Facts] = []
        for row in rows {
            let cluster = try row.string("name")
            if facts.last?.cluster != cluster {
                facts.append(
                    Facts(cluster: cluster, items: try row.int("items"), events: try row.int("events"), top: []))
            }
            guard let item = try row.optionalString("item") else { continue }
            facts[facts.count - 1].top.append(
                Facts.Item(item: item, title: titles[item], share: try row.double("score")))
        }
        return Answer(text(facts, release.release), facts)
    }

    /// Clusters can be looked at without the source; titles are an extra.
    private func titles(
        of items: [String], _ context: RunContext, _ connection: Connection
    ) throws -> [String: String] {
        try (try? context.source(on: connection))?.titles(of: items, on: connection) ?? [:]
    }

    private func known(_ release: Int, _ connection: Connection) throws -> Int {
        try connection.execute(
            "SELECT count(*) AS n FROM nearline.release_cluster WHERE release = $1::int", [.int(Int64(release))],
            doing: "counting clusters")[0].int("n")
    }

    private func text(_ facts: [Facts], _ release: Int) -> String {
        guard !facts.isEmpty else { return "release \(release) has no clusters" }
        let rows = facts.map { fact in
            [
                fact.cluster, "\(fact.items)", "\(fact.events)",
                fact.top.map { "\($0.title ?? $0.item) \(percentText($0.share))" }.joined(separator: ", "),
            ]
        }
        return "clusters of release \(release):\n" + table(["cluster", "items", "events", "most popular"], rows)
    }
}
