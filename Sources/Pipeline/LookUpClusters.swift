import Domain
import Postgres
import ResultTables

/// `nearline lookup --clusters A,B`: which clusters most often come next.
package struct LookUpClusters {
    /// Names, latest last, with commas between; nil takes the two largest clusters.
    package var names: String?
    package var count: Int

    package init(names: String?, count: Int) {
        self.names = names
        self.count = count
    }

    private struct Facts: Encodable {
        struct Next: Encodable {
            var rank: Int
            var cluster: String
            /// nil where only a language model expects it.
            var probability: Double?
            var support: Int?
            var trend: Double?
            /// Who expects it: counts, interest (a language model), or both.
            var source: String
        }
        var release: Int
        var clusters: [String]
        var keyUsed: String
        var next: [Next]
    }

    package func run(_ context: RunContext) throws -> Answer {
        let connection = try context.connectToSchema()
        guard let release = try ReleaseCatalogue(connection).current() else { throw ReleaseError.noRelease }
        let known = try TransitionCatalogue(release: release.release, on: connection).clusterNames()
        let clusters =
            try names.map { try split($0, known, release.release) } ?? biggest(release.release, connection)
        let list = clusters.map { Quote.literal($0) }.joined(separator: ", ")
        let rows = try connection.execute(
            """
            SELECT rank, cluster, probability::float8 AS probability, key_used, support, trend::float8 AS trend,
                source
            FROM nearline.next_clusters(VARIADIC ARRAY[\(list)]::text[])
            """, doing: "looking up transitions")
        let facts = Facts(
            release: release.release, clusters: clusters, keyUsed: try rows.first?.string("key_used") ?? "nothing",
            next: try rows.prefix(count).map {
                Facts.Next(
                    rank: try $0.int("rank"), cluster: try $0.string("cluster"),
                    probability: try $0.optionalDouble("probability"),
                    support: try $0.optionalInt("support"), trend: try $0.optionalDouble("trend"),
                    source: try $0.string("source"))
            })
        return Answer(text(facts), facts)
    }

    private func text(_ facts: Facts) -> String {
        let lines = facts.next.map { next in
            [
                "\(next.rank)", next.cluster,
                next.probability.map { String(($0 * 1000).rounded() / 1000) } ?? "",
                next.support.map { "\($0)" } ?? "", next.trend.map { trendText($0) } ?? "", next.source,
            ]
        }
        return
            "after \(facts.clusters.joined(separator: " -> ")) (key used: \(facts.keyUsed)), release \(facts.release):\n"
            + table(["rank", "cluster", "probability", "support", "trend", "source"], lines)
    }

    /// "+1.2 %": by how much the share rose against the window before.
    private func trendText(_ trend: Double) -> String { (trend > 0 ? "+" : "") + percentText(trend) }

    private func split(_ text: String, _ known: [String], _ release: Int) throws -> [String] {
        guard let found = CommaList(text).names(Set(known.map { .text($0) })), !found.isEmpty else {
            throw JobError.unknownClusters(text, release: release, count: known.count)
        }
        return found
    }

    /// The two largest clusters, as an example.
    private func biggest(_ release: Int, _ connection: Connection) throws -> [String] {
        let rows = try connection.execute(
            "SELECT name FROM nearline.release_cluster WHERE release = $1::int ORDER BY items DESC, cluster LIMIT 2",
            [.int(Int64(release))], doing: "choosing clusters")
        guard !rows.isEmpty else { throw JobError.nobody(relation: "nearline.transition") }
        return try rows.reversed().map { try $0.string("name") }
    }
}
