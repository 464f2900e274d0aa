import Domain
import Postgres
import ResultCodec

/// Reads what a release has of transitions: to compare the next build with it, and to keep its clusters' numbers.
package struct TransitionCatalogue {
    /// The build whose rows are there.
    package struct Stored: Sendable {
        package let build: Int
        package let asOf: String
        package let clusterSource: ClusterSource
        package let inputHash: String
        package let refreshHours: Double?
        /// Keys that a language model has said something about.
        package let interests: Int
        package let codebook: TransitionFacts.Codebook?
    }

    private let release: Int
    private let connection: Connection

    package init(release: Int, on connection: Connection) {
        self.release = release
        self.connection = connection
    }

    /// nil in releases from before builds were recorded.
    package func stored() throws -> Stored? {
        let row = try connection.execute(
            """
            SELECT b.build, to_char(b.as_of AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS as_of,
                b.cluster_source, b.input_hash, b.refresh_hours, b.codebook, c.bytes, c.learned_from,
                coalesce(s.keys, 0) AS interests
            FROM nearline.release r JOIN nearline.transition_build b ON b.build = r.transition_build
            LEFT JOIN nearline.interest_set s ON s.build = b.build
            LEFT JOIN nearline.codebook c ON c.codebook = b.codebook WHERE r.release = $1::int
            """, [.int(Int64(release))], doing: "reading the build of release \(release)"
        ).first
        guard let row else { return nil }
        let codebook = try row.optionalString("codebook").map {
            TransitionFacts.Codebook(
                name: $0, bytes: try row.bytes("bytes"), learnedFrom: try row.optionalString("learned_from"))
        }
        return Stored(
            build: try row.int("build"), asOf: try row.string("as_of"),
            clusterSource: ClusterSource(rawValue: try row.string("cluster_source"))!,
            inputHash: try row.string("input_hash"), refreshHours: try row.optionalDouble("refresh_hours"),
            interests: try row.int("interests"), codebook: codebook)
    }

    /// Names of the clusters by number.
    package func clusterNames() throws -> [String] {
        try connection.execute(
            "SELECT name FROM nearline.release_cluster WHERE release = $1::int ORDER BY cluster",
            [.int(Int64(release))], doing: "reading the clusters of release \(release)"
        ).map { try $0.string("name") }
    }

    /// Items by row, and the cluster of each, -1 for none.
    package func items(_ type: IDType) throws -> (items: [ExternalID], clusters: [Int32]) {
        var items: [ExternalID] = [], clusters: [Int32] = []
        try connection.copyOut(
            "SELECT item_id, cluster FROM \(Leaf.item.name(release)) ORDER BY item_row",
            doing: "reading the items of release \(release)"
        ) { row in
            guard let bytes = try row.bytes(), let item = ExternalID(binary: bytes, type: type) else {
                throw PostgresError.malformed(
                    "item_id is no \(type.rawValue)", doing: "reading the items of release \(release)")
            }
            items.append(item)
            clusters.append(try row.optionalInt32() ?? -1)
        }
        return (items, clusters)
    }

    /// Keys of one or two clusters, of all scenes together, that were seen that often; what cannot be read is left out.
    package func shortKeys(minSupport: Int) throws -> [(key: Int64, support: Int, successors: [Int32])] {
        let decoder = try ListDecoder(release: release, on: connection)
        var keys: [(key: Int64, support: Int, successors: [Int32])] = []
        try connection.copyOut(
            """
            SELECT key, support, payload FROM \(Leaf.transition.name(release)) WHERE support >= \(minSupport) AND key <> 0
                AND nearline.transition_scene(key) = 0 AND nearline.transition_oldest(key) IS NULL
            """, doing: "reading the transitions of release \(release)"
        ) { row in
            let key = try row.int64(), support = try row.int64()
            guard let payload = try row.bytes(), let next = try? decoder.decode(payload) else { return }
            keys.append((key, Int(support), next.map { Int32($0.row) }))
        }
        return keys
    }

    /// The first successors of every key; what cannot be read is left out.
    package func successors(_ count: Int) throws -> [(key: Int64, clusters: [Int32])] {
        let decoder = try ListDecoder(release: release, on: connection)
        var keys: [(key: Int64, clusters: [Int32])] = []
        try connection.copyOut(
            "SELECT key, payload FROM \(Leaf.transition.name(release))",
            doing: "reading the transitions of release \(release)"
        ) { row in
            let key = try row.int64()
            guard let payload = try row.bytes(), let next = try? decoder.decode(payload) else { return }
            keys.append((key, next.prefix(count).map { Int32($0.row) }))
        }
        return keys
    }
}
