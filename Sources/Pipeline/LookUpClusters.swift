import Postgres
import ResultTables

/// `nearline lookup --clusters A,B`: which clusters most often come next.
package struct LookUpClusters {
    /// One or two names, older first, with a comma between; nil takes the two largest clusters.
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
        let (older, latest) =
            try names.map { try split($0, release.release, on: connection) } ?? biggest(release.release, on: connection)
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
        let lines = next.prefix(count).map {
            ["\($0.rank)", $0.cluster, String(($0.probability * 1000).rounded() / 1000)]
        }
        return Answer(
            "after \(key) (key used: \(used)), release \(release.release):\n"
                + table(["rank", "cluster", "probability"], lines), facts)
    }

    /// Names may hold commas themselves: the comma that counts is the one between two names.
    private func split(_ text: String, _ release: Int, on connection: Connection) throws -> (String?, String?) {
        let known = Set(
            try connection.execute(
                "SELECT name FROM nearline.release_cluster WHERE release = $1::int", [.int(Int64(release))],
                doing: "reading the clusters"
            ).map { try $0.string("name") })
        if known.contains(text) { return (nil, text) }
        for comma in text.indices where text[comma] == "," {
            let older = String(text[..<comma]), latest = String(text[text.index(after: comma)...].drop { $0 == " " })
            if known.contains(older), known.contains(latest) { return (older, latest) }
        }
        throw JobError.unknownClusters(text, release: release, count: known.count)
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
