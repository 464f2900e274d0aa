import Postgres
import ResultTables

/// `nearline lookup --clusters A,B`: which clusters most often come next.
package struct LookUpClusters {
    package var older: String?
    package var latest: String?

    /// - Parameter names: one or two names, older first; nil takes the pair that is seen most often.
    package init(older: String?, latest: String?) {
        self.older = older
        self.latest = latest
    }

    private struct Facts: Encodable {
        struct Next: Encodable {
            var rank: Int
            var cluster: String
            var probability: Double
        }
        var older: String?
        var latest: String?
        var keyUsed: String
        var next: [Next]
    }

    package func run(_ context: RunContext) throws -> Answer {
        let connection = try context.connectToSchema()
        guard let release = try ReleaseCatalogue(connection).current() else { throw ReleaseError.noRelease }
        var (older, latest) = (self.older, self.latest)
        if latest == nil { (older, latest) = try biggest(release.release, on: connection) }
        let rows = try connection.execute(
            "SELECT rank, cluster, probability::float8 AS probability, key_used FROM nearline.next_clusters($1, $2)",
            [Parameter(older), Parameter(latest)], doing: "looking up transitions")
        let next = try rows.map {
            Facts.Next(
                rank: try $0.int("rank"), cluster: try $0.string("cluster"), probability: try $0.double("probability"))
        }
        let used = try rows.first?.string("key_used") ?? "nothing"
        let facts = Facts(older: older, latest: latest, keyUsed: used, next: next)
        let key = [older, latest].compactMap { $0 }.joined(separator: " -> ")
        let lines = next.prefix(10).map {
            ["\($0.rank)", $0.cluster, String(($0.probability * 1000).rounded() / 1000)]
        }
        return Answer(
            "after \(key) (key used: \(used)), release \(release.release):\n"
                + table(["rank", "cluster", "probability"], lines), facts)
    }

    /// The two largest clusters, as an example.
    private func biggest(_ release: Int, on connection: Connection) throws -> (String?, String?) {
        let rows = try connection.execute(
            "SELECT name FROM nearline.release_cluster WHERE release = $1::int ORDER BY items DESC, cluster LIMIT 2",
            [.int(Int64(release))], doing: "choosing clusters")
        guard !rows.isEmpty else { throw JobError.nobody(relation: "nearline.transition") }
        return (rows.count > 1 ? try rows[1].string("name") : nil, try rows[0].string("name"))
    }
}
