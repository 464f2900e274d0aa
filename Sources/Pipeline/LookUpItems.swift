import Domain
import Postgres
import ResultTables

/// `nearline lookup --after-items A,B`: what to show to somebody who is in no table yet, from the items that were just looked at.
package struct LookUpItems {
    /// Keys of items, latest last, with commas between.
    package var items: String
    package var count: Int

    package init(items: String, count: Int) {
        self.items = items
        self.count = count
    }

    private struct Facts: Encodable {
        struct Item: Encodable {
            var rank: Int
            var item: String
            var score: Double
            var cluster: String
            /// Who expects its cluster: counts, interest (a language model), or both.
            var source: String
            var title: String?
        }
        var release: Int
        /// Items that no cluster has, or nobody knows.
        var unknown: [String]
        var clusters: [String]
        var keyUsed: String
        var items: [Item]
    }

    package func run(_ context: RunContext) throws -> Answer {
        let connection = try context.connectToSchema()
        guard let release = try ReleaseCatalogue(connection).current() else { throw ReleaseError.noRelease }
        let type = try connection.execute(
            """
            SELECT format_type(atttypid, NULL) AS type FROM pg_attribute
            WHERE attrelid = 'nearline.release_item'::regclass AND attname = 'item_id'
            """, doing: "looking at the items")[0].string("type")
        let (keys, unknown) = try split(type, on: connection)
        let array = self.array(keys, type)
        let clusters = try connection.execute(
            "SELECT unnest(nearline.clusters_of(\(array))) AS cluster",
            doing: "looking up the clusters of items '\(items)'"
        ).map { try $0.string("cluster") }
        let names = clusters.map { Quote.literal($0) }.joined(separator: ", ")
        let next = try connection.execute(
            "SELECT cluster, key_used, source FROM nearline.next_clusters(VARIADIC ARRAY[\(names)]::text[])",
            doing: "looking up transitions")
        let sources = Dictionary(
            try next.map { (try $0.string("cluster"), try $0.string("source")) },
            uniquingKeysWith: { first, _ in first })
        let rows = try connection.execute(
            """
            SELECT rank, item_id::text AS item, score::float8 AS score, cluster
            FROM nearline.transition_candidates_after(\(array), \(count))
            """, doing: "looking up what follows items '\(items)'")
        let titles = try (try? context.source(on: connection))?.titles(
            of: rows.map { try $0.string("item") }, on: connection)
        let facts = Facts(
            release: release.release, unknown: unknown, clusters: clusters,
            keyUsed: try next.first?.string("key_used") ?? "nothing",
            items: try rows.map {
                let item = try $0.string("item"), cluster = try $0.string("cluster")
                return Facts.Item(
                    rank: try $0.int("rank"), item: item, score: try $0.double("score"), cluster: cluster,
                    source: sources[cluster] ?? "", title: titles?[item])
            })
        return Answer(text(facts), facts)
    }

    /// The keys that the text names, and those among them that no cluster knows.
    private func split(_ type: String, on connection: Connection) throws -> (keys: [String], unknown: [String]) {
        let list = CommaList(items)
        let single = list.single.filter { !$0.isEmpty }
        let asked = type == "text" ? list.possible.filter { !$0.isEmpty } : single
        let known = try connection.execute(
            """
            SELECT i.item_id::text AS item FROM nearline.release_item i
            WHERE i.item_id = ANY (\(array(asked, type))) AND i.cluster IS NOT NULL
                AND i.release = (SELECT release FROM nearline.current_release WHERE only_row)
            """, doing: "looking up items '\(items)'"
        ).map { ExternalID.text(try $0.string("item")) }
        let keys = list.names(Set(known)) ?? single
        // A number with zeros in front, or a UUID in capitals, is the same key.
        let spelled = Set(known.compactMap { IDType(postgresName: type)?.parse("\($0)") })
        return (keys, keys.filter { key in IDType(postgresName: type)?.parse(key).map(spelled.contains) != true })
    }

    private func array(_ keys: [String], _ type: String) -> String {
        "ARRAY[\(keys.map { Quote.literal($0) }.joined(separator: ", "))]::\(type)[]"
    }

    private func text(_ facts: Facts) -> String {
        let rows = facts.items.map {
            [
                "\($0.rank)", $0.item, String(($0.score * 10_000).rounded() / 10_000), $0.cluster, $0.source,
                $0.title ?? "",
            ]
        }
        let whence = facts.clusters.isEmpty ? "items that no cluster has" : facts.clusters.joined(separator: " -> ")
        let known =
            facts.unknown.isEmpty ? "" : "\nnot known, or in no cluster: \(facts.unknown.joined(separator: ", "))"
        return "after \(whence) (key used: \(facts.keyUsed)), release \(facts.release):\n"
            + table(["rank", "item", "score", "cluster", "source", "title"], rows) + known
    }
}
